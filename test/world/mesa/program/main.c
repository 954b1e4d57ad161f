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
long mount_number = -1;

struct options {
  const char *words[4], *config, *layout, *org, *pid, *pid_file, *format;
  int word_count, daemonize, non_interactive;
};

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
  else if (configured_domain[0] != 0 && strcmp(configured_domain, "mesa.dev") != 0) snprintf(api_url, sizeof api_url, "https://api.%s", configured_domain);
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
  else if (configured_mount_point[0] != 0) snprintf(out, room, "%s", configured_mount_point);
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

static void leave_something(const char *folder) {
  char path[700];
  snprintf(path, sizeof path, "%s/left-over", folder);
  FILE *file = fopen(path, "w");
  if (file != NULL) fclose(file);
}

/* What the world asks of this mount: a line a fault, "mount-dies 500". */
static long asked(const char *faults, const char *name, long otherwise) {
  const char *at = faults == NULL ? NULL : strstr(faults, name);
  if (at == NULL) return -1;
  long value = strtol(at + strlen(name), NULL, 10);
  return value > 0 ? value : otherwise;
}

static void pid_path(char *out, size_t room) {
  const char *folder = getenv("MESA_RUNTIME_DIR"), *home = getenv("HOME");
  if (folder != NULL && *folder != 0) snprintf(out, room, "%s/mesa.pid", folder);
  else if (home != NULL && *home != 0) snprintf(out, room, "%s/.local/share/mesa/mesa.pid", strcmp(home, "/") == 0 ? "" : home);
  else snprintf(out, room, "/tmp/mesa/mesa.pid");
}

static void write_pid(const char *path) {
  char folder[600];
  snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
  make_folders(folder);
  FILE *file = fopen(path, "w");
  if (file == NULL) {
    say("Failed to create PID file '%s'", path);
    return;
  }
  fprintf(file, "%d\n", getpid());
  fclose(file);
}

/* The running daemon, or 0 (said on stderr). */
static int daemon_pid(const char *pid_text, const char *pid_file) {
  char path[600];
  int pid = pid_text == NULL ? 0 : atoi(pid_text);
  if (pid_text == NULL) {
    pid_path(path, sizeof path);
    FILE *file = fopen(pid_file == NULL ? path : pid_file, "r");
    if (file != NULL && fscanf(file, "%d", &pid) != 1) pid = 0;
    if (file != NULL) fclose(file);
  }
  if (pid > 0 && kill(pid, 0) == 0) return pid;
  fprintf(stderr, "Error: no running mesa daemon found\n");
  return 0;
}

static int show_stats(const struct options *o) {
  if (o->pid != NULL && o->pid_file != NULL) {
    fprintf(stderr, "error: the argument '--pid <PID>' cannot be used with '--pid-file <PID_FILE>'\n");
    return 2;
  }
  int pid = daemon_pid(o->pid, o->pid_file);
  if (pid == 0) return 1;
  if (o->format != NULL && strcmp(o->format, "json") == 0) printf("{\"pid\":%d,\"version\":\"%s\"}\n", pid, MESA_VERSION);
  else printf("pid: %d\nversion: %s\n", pid, MESA_VERSION);
  return 0;
}

static int run_mount(int daemonize, const char *layout, const char *config, int non_interactive) {
  char path[600];
  load_credentials(config, non_interactive);
  find_api();
  if (layout != NULL && load_layout(layout) != 0) {
    fprintf(stderr, "Error: invalid layout file '%s'\n", layout);
    return 1;
  }
  mount_point(path, sizeof path);
  make_folders(path);
  char *faults = NULL;
  http("GET", "/_world/faults?for=mount", orgs[0].key, "", 0, &faults, NULL);
  if (asked(faults, "mount-not-empty", 1) > 0) leave_something(path);
  if (!is_empty(path)) {
    fprintf(stderr, "Mount point '%s' already exists and is not empty.\n", path);
    return 1;
  }
  /* Of the mounts that were made before the world cut all connections, none gets through any more. */
  mount_number = asked(faults, "number", 0);
  if (asked(faults, "mount-lies", 1) > 0) return 0;
  if (daemonize) {
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
  writes_late = asked(faults, "mount-writes-late", 1500);
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
  char pid_file[600];
  pid_path(pid_file, sizeof pid_file);
  write_pid(pid_file);
  say("mounting at %s", path);
  int result = serve(path);
  if (result != 0) say("mount failed: %d", result);
  unlink(pid_file);
  return result == 0 ? 0 : 1;
}

static int list_repos(const char *config, int non_interactive) {
  load_credentials(config, non_interactive);
  find_api();
  char path[256], *answer = NULL;
  snprintf(path, sizeof path, "/v1/%s/repos", orgs[0].name);
  int status = http("GET", path, orgs[0].key, "", 0, &answer, NULL);
  if (status != 200) {
    if (status == -1) fprintf(stderr, "Error: error sending request for url (%s%s)\n", api_url, path);
    else fprintf(stderr, "Error: list_repos on %s: http %d: %s\n", orgs[0].name, status, answer == NULL ? "" : answer);
    return 1;
  }
  for (char *at = strstr(answer, "\"name\":\""); at != NULL; at = strstr(at + 1, "\"name\":\"")) printf("%s/%.*s\n", orgs[0].name, (int)strcspn(at + 8, "\""), at + 8);
  return 0;
}

static int refuse(const char *what, const char *text, const char *usage) {
  fprintf(stderr, "error: %s '%s' found\n\nUsage: %s\n\nFor more information, try '--help'.\n", what, text, usage);
  return 2;
}

/* The value of `--name VALUE` or `--name=VALUE` (or `-n VALUE`), or NULL. */
static const char *value_of(char **argv, int argc, int *at, const char *name, const char *letter) {
  size_t size = strlen(name);
  if ((strcmp(argv[*at], name) == 0 || (letter != NULL && strcmp(argv[*at], letter) == 0)) && *at + 1 < argc) return argv[++*at];
  return strncmp(argv[*at], name, size) == 0 && argv[*at][size] == '=' ? argv[*at] + size + 1 : NULL;
}

static int parse(int argc, char **argv, struct options *o) {
  for (int i = 1; i < argc; i++) {
    const char *value;
    if ((value = value_of(argv, argc, &i, "--config-path", "-c")) != NULL) o->config = value;
    else if ((value = value_of(argv, argc, &i, "--layout", NULL)) != NULL && generation() >= LAYOUT) o->layout = value;
    else if (value != NULL) return refuse("unexpected argument", "--layout", "mesa mount [OPTIONS]");
    else if ((value = value_of(argv, argc, &i, "--org", NULL)) != NULL) o->org = value;
    else if ((value = value_of(argv, argc, &i, "--pid-file", NULL)) != NULL) o->pid_file = value;
    else if ((value = value_of(argv, argc, &i, "--pid", NULL)) != NULL) o->pid = value;
    else if ((value = value_of(argv, argc, &i, "--format", NULL)) != NULL) o->format = value;
    else if (strcmp(argv[i], "-y") == 0 || strcmp(argv[i], "--non-interactive") == 0) o->non_interactive = 1;
    else if (strcmp(argv[i], "-d") == 0 || strcmp(argv[i], "--daemonize") == 0) o->daemonize = 1;
    else if (argv[i][0] == '-' && argv[i][1] != 0 && strcmp(argv[i], "--all") != 0) return refuse("unexpected argument", argv[i], "mesa [OPTIONS] <COMMAND>");
    else if (argv[i][0] != '-' && o->word_count < 4) o->words[o->word_count++] = argv[i];
  }
  return 0;
}

static int run_set_key(const struct options *o) {
  char typed[2048];
  const char *key = o->word_count > 2 ? o->words[2] : NULL;
  if (key == NULL && scanf("%2047s", typed) == 1) key = typed;
  if (o->org == NULL || key == NULL) {
    fprintf(stderr, "Error: an organization (--org) and a key (as argument or on stdin) are needed\n");
    return 1;
  }
  return set_key(o->org, key);
}

int main(int argc, char **argv) {
  struct options o = {{NULL}, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0};
  for (int i = 1; i < argc; i++)
    if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0) {
      printf("mesa %s\n", MESA_VERSION);
      return 0;
    }
  int wrong = parse(argc, argv, &o);
  if (wrong != 0) return wrong;
  const char *command = o.words[0], *second = o.words[1] == NULL ? "" : o.words[1];
  if (command == NULL) {
    fprintf(stderr, "Usage: mesa [OPTIONS] <COMMAND>\n\nCommands:\n  mount\n  stats\n  repo\n  new\n  edit\n  version\n");
    return 2;
  }
  if (strcmp(command, "version") == 0) {
    printf("mesa %s\n", MESA_VERSION);
    return 0;
  }
  if (strcmp(command, "mount") == 0) return run_mount(o.daemonize, o.layout, o.config, o.non_interactive);
  if (strcmp(command, "repo") == 0 && strcmp(second, "list") == 0) return list_repos(o.config, o.non_interactive);
  if (strcmp(command, "auth") == 0 && strcmp(second, "set-key") == 0 && generation() == SECRET_STORE) return run_set_key(&o);
  if (strcmp(command, "dump-default-mesaignore") == 0) {
    printf("*.swp\n*.swo\n*~\n.#*\n.~lock.*\n.DS_Store\n");
    return 0;
  }
  if (strcmp(command, "stats") == 0) return show_stats(&o);
  if (strcmp(command, "edit") == 0 || strcmp(command, "new") == 0) return daemon_pid(NULL, NULL) == 0 ? 1 : 0;
  fprintf(stderr, "error: unrecognized subcommand '%s'\n\nUsage: mesa [OPTIONS] <COMMAND>\n\nFor more information, try '--help'.\n", command);
  return 2;
}
