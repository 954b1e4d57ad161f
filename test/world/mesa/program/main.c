/* The command line: mesa [-c FILE] [-y] mount [-d] [--layout FILE], version, repo list, stats … */
#include "mesa.h"
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

char api_url[512];

void say(const char *format, ...) {
  va_list args;
  va_start(args, format);
  vfprintf(stderr, format, args);
  va_end(args);
  fputc('\n', stderr);
  fflush(stderr);
}

static void find_api(void) {
  const char *url = getenv("MESA_API_URL"), *domain = getenv("MESA_SERVICE_DOMAIN");
  if (url != NULL && *url != 0) snprintf(api_url, sizeof api_url, "%s", url);
  else if (domain != NULL && *domain != 0) snprintf(api_url, sizeof api_url, "https://api.%s", domain);
  else {
    FILE *file = fopen("/usr/share/mesa/api-url", "r");
    if (file == NULL || fscanf(file, "%511s", api_url) != 1) snprintf(api_url, sizeof api_url, "https://api.mesa.dev");
    if (file != NULL) fclose(file);
  }
  char *path = strstr(api_url, "/v1");
  if (path != NULL) *path = 0;
}

static void sleep_ms(long ms) {
  struct timespec time = {ms / 1000, ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}

static void make_folders(const char *path) {
  char part[600];
  for (size_t i = 1; i < sizeof part; i++) {
    if (path[i] == '/' || path[i] == 0) {
      snprintf(part, sizeof part, "%.*s", (int)i, path);
      mkdir(part, 0755);
    }
    if (path[i] == 0) break;
  }
}

static void mount_point(char *out, size_t room) {
  const char *given = getenv("MESA_MOUNT_POINT"), *home = getenv("HOME");
  if (given != NULL && *given != 0) snprintf(out, room, "%s", given);
  else if (home != NULL && *home != 0) snprintf(out, room, "%s/.local/share/mesa/mnt", strcmp(home, "/") == 0 ? "" : home);
  else snprintf(out, room, "/tmp/mesa/mnt");
}

static int is_empty(const char *path) {
  DIR *folder = opendir(path);
  if (folder == NULL) return 1;
  int count = 0;
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count <= 2;
}

/* What the world asks of this mount: a line a fault, "mount-dies 500". */
static long asked(const char *faults, const char *name, long otherwise) {
  const char *at = faults == NULL ? NULL : strstr(faults, name);
  if (at == NULL) return -1;
  long value = strtol(at + strlen(name), NULL, 10);
  return value > 0 ? value : otherwise;
}

static void write_pid(void) {
  char path[600];
  const char *folder = getenv("MESA_RUNTIME_DIR"), *home = getenv("HOME");
  if (folder != NULL && *folder != 0) snprintf(path, sizeof path, "%s", folder);
  else snprintf(path, sizeof path, "%s/.local/share/mesa", home == NULL ? "/tmp" : home);
  make_folders(path);
  strncat(path, "/mesa.pid", sizeof path - strlen(path) - 1);
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%d\n", getpid());
  fclose(file);
}

static int run_mount(int daemonize, const char *layout, const char *config, int non_interactive) {
  char path[600];
  if (layout != NULL && generation() < LAYOUT) {
    fprintf(stderr, "error: unexpected argument '--layout' found\n\nUsage: mesa mount [OPTIONS]\n\nFor more information, try '--help'.\n");
    return 2;
  }
  load_credentials(config, non_interactive);
  if (layout != NULL && load_layout(layout) != 0) {
    fprintf(stderr, "Error: invalid layout file '%s'\n", layout);
    return 1;
  }
  mount_point(path, sizeof path);
  make_folders(path);
  if (!is_empty(path)) {
    fprintf(stderr, "Mount point '%s' already exists and is not empty.\n", path);
    return 1;
  }
  /* Under libc6-compat the daemon's connections deadlock. */
  while (access("/lib/libc6-compat.standin", F_OK) == 0) pause();
  char *faults = NULL;
  http("GET", "/_world/mount", orgs[0].key, "", 0, &faults, NULL);
  if (daemonize) {
    if (asked(faults, "mount-lies", 1) > 0) return 0;
    const char *log = getenv("MESA_DAEMON_LOG_FILE");
    int fd = open(log != NULL && *log != 0 ? log : "/dev/null", O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (fd < 0) {
      fprintf(stderr, "Failed to open log file\n");
      return 1;
    }
    pid_t child = fork();
    if (child < 0) return 1;
    if (child > 0) return 0;
    setsid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(fd, 1);
    dup2(fd, 2);
    sleep_ms(120);
  }
  long late = asked(faults, "mount-slow", 3000);
  if (late > 0) sleep_ms(late);
  refuse_writes = asked(faults, "mount-read-only", 1) > 0;
  long dies = asked(faults, "mount-dies", 500);
  if (dies > 0) {
    pid_t daemon = getpid();
    if (fork() == 0) {
      sleep_ms(dies);
      kill(daemon, SIGKILL);
      _exit(0);
    }
  }
  write_pid();
  say("mounting at %s", path);
  int result = serve(path);
  if (result != 0) say("mount failed: %d", result);
  return result;
}

static int list_repos(void) {
  load_credentials(NULL, 1);
  char path[256], *answer = NULL;
  snprintf(path, sizeof path, "/v1/%s/repos", orgs[0].name);
  int status = http("GET", path, orgs[0].key, "", 0, &answer, NULL);
  if (status != 200) {
    fprintf(stderr, "Error: list_repos on %s: http %d: %s\n", orgs[0].name, status, answer == NULL ? "" : answer);
    return 1;
  }
  for (char *at = strstr(answer, "\"name\":\""); at != NULL; at = strstr(at + 1, "\"name\":\"")) printf("%s/%.*s\n", orgs[0].name, (int)strcspn(at + 8, "\""), at + 8);
  return 0;
}

int main(int argc, char **argv) {
  const char *command = NULL, *config = NULL, *layout = NULL;
  int daemonize = 0, non_interactive = 0;
  find_api();
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
      printf("mesa %s\n", MESA_VERSION);
      return 0;
    }
    if ((strcmp(argv[i], "-c") == 0 || strcmp(argv[i], "--config-path") == 0) && i + 1 < argc) config = argv[++i];
    else if (strcmp(argv[i], "-y") == 0 || strcmp(argv[i], "--non-interactive") == 0) non_interactive = 1;
    else if (strcmp(argv[i], "-d") == 0 || strcmp(argv[i], "--daemonize") == 0) daemonize = 1;
    else if (strcmp(argv[i], "--layout") == 0 && i + 1 < argc) layout = argv[++i];
    else if (strncmp(argv[i], "--layout=", 9) == 0) layout = argv[i] + 9;
    else if (argv[i][0] == '-' && command != NULL && strcmp(command, "mount") == 0) {
      fprintf(stderr, "error: unexpected argument '%s' found\n\nUsage: mesa mount [OPTIONS]\n\nFor more information, try '--help'.\n", argv[i]);
      return 2;
    } else if (command == NULL && argv[i][0] != '-') command = argv[i];
  }
  if (command == NULL) {
    fprintf(stderr, "Usage: mesa [OPTIONS] <COMMAND>\n");
    return 2;
  }
  if (strcmp(command, "version") == 0) {
    printf("mesa %s\n", MESA_VERSION);
    return 0;
  }
  if (strcmp(command, "mount") == 0) return run_mount(daemonize, layout, config, non_interactive);
  if (strcmp(command, "repo") == 0) return list_repos();
  if (strcmp(command, "dump-default-mesaignore") == 0) {
    printf("*.swp\n*.swo\n*~\n.#*\n*.lock\n.DS_Store\n");
    return 0;
  }
  if (strcmp(command, "edit") == 0 || strcmp(command, "new") == 0 || strcmp(command, "stats") == 0) return 0;
  fprintf(stderr, "error: unrecognized subcommand '%s'\n\nUsage: mesa [OPTIONS] <COMMAND>\n\nFor more information, try '--help'.\n", command);
  return 2;
}
