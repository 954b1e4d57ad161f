/* A stand-in for Mesa's CLI: a real FUSE file system in front of the stand-in API. */
#ifndef MESA_H
#define MESA_H
#include <stddef.h>

#ifndef MESA_VERSION
#define MESA_VERSION "0.20.0"
#endif

#define MAX_ORGS 8

/* What the credentials allow to be shown. */
struct org {
  char name[128];
  char key[2048];
};

/* A path of the mount that shows a repository (layouts), e.g. /workspace → demo. */
struct place {
  char path[256];
  char repo[256];
  int read_only;
};

extern char api_url[512];
extern struct org orgs[MAX_ORGS];
extern int org_count;
extern struct place places[MAX_ORGS];
extern int place_count;
extern int refuse_writes;

int http(const char *method, const char *path, const char *token, const char *body, size_t body_size, char **answer, size_t *answer_size);
void url_encode(const char *text, char *out, size_t room);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int serve(const char *mount_point);
int generation(void);
void load_credentials(const char *config_path, int non_interactive);
int load_layout(const char *path);

enum { CONFIG_FILE, ORGS, SECRET_STORE, ENV_ONLY, ACCESS_TOKEN, LAYOUT };
#endif
