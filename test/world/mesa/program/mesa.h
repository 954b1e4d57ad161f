/* A stand-in for Mesa's CLI: a real FUSE file system in front of the stand-in API. */
#ifndef MESA_H
#define MESA_H
#include <stddef.h>
#include <sys/types.h>
#include <time.h>

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
  /* "bookmark:NAME" or "change-id:ID", as a part of a query. */
  char at[400];
  int read_only;
};

/* A file or folder of a repository as the mount knows it. */
struct node {
  struct node *next, *previous, *chain;
  char *path;
  int folder;
  char *data;
  size_t size;
  /* loaded: data is here. dirty: it is not yet at the API. local: the API does not know of it (empty folders, ignored names). */
  int loaded, dirty, local, open;
  /* The number of the last list of files that named it. */
  unsigned seen;
  char sha[41];
  mode_t mode;
  time_t changed;
};

#define BUCKETS 4096

struct repo {
  struct repo *next;
  char name[300];
  const char *token, *at;
  int read_only, resolved;
  struct node *nodes;
  struct node *buckets[BUCKETS];
  unsigned lists;
  time_t fetched;
};

extern char api_url[512];
extern struct org orgs[MAX_ORGS];
extern int org_count;
extern struct place places[MAX_ORGS];
extern int place_count;
extern int refuse_writes;
/* How long the daemon takes at its end to send all that was written, in ms; not above 0: what is closed is sent at once. */
extern long writes_late;
/* Which of the world's cuts of all connections this mount was made after; -1: it is no mount. */
extern long mount_number;

int http(const char *method, const char *path, const char *token, const char *body, size_t body_size, char **answer, size_t *answer_size);
void url_encode(const char *text, char *out, size_t room);
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
int serve(const char *mount_point);
int generation(void);
void load_credentials(const char *config_path, int non_interactive);
int set_key(const char *org, const char *key);
extern char configured_mount_point[512];
extern char configured_domain[256];

struct node *find_node(struct repo *r, const char *path);
struct node *add_node(struct repo *r, const char *path, int folder);
struct node *add_parents(struct repo *r, const char *path);
void drop_node(struct repo *r, struct node *gone);
void move_node(struct repo *r, struct node *n, const char *path);
int load_layout(const char *path);

enum { CONFIG_FILE, ORGS, SECRET_STORE, ENV_ONLY, ACCESS_TOKEN, LAYOUT, PRIVATE_KEY };
#endif
