/* The mounted tree: /<org>/<repo>/… or a layout's paths. Contents live in memory and go to the API when a file is closed. */
#define FUSE_USE_VERSION 31
#include "mesa.h"
#include <errno.h>
#include <fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct repo *repos = NULL;
int refuse_writes = 0;
long writes_late = 0;

static struct repo *repo_of(const char *org, const char *name, const char *token, const char *at, int read_only) {
  char full[300];
  snprintf(full, sizeof full, "%s/%s", org, name);
  for (struct repo *r = repos; r != NULL; r = r->next)
    if (strcmp(r->name, full) == 0) return r;
  struct repo *r = calloc(1, sizeof *r);
  snprintf(r->name, sizeof r->name, "%s", full);
  r->token = token;
  r->at = at;
  r->read_only = read_only;
  r->next = repos;
  repos = r;
  return r;
}

/* Editors' swap and lock files stay here and are never uploaded. */
static int is_ignored(const char *path) {
  const char *name = strrchr(path, '/');
  name = name == NULL ? path : name + 1;
  size_t size = strlen(name);
  if (strcmp(name, ".DS_Store") == 0 || strncmp(name, ".#", 2) == 0 || strncmp(name, ".~lock.", 7) == 0 || strncmp(name, ".fuse_hidden", 12) == 0) return 1;
  if (size > 1 && name[size - 1] == '~') return 1;
  return size > 4 && (strcmp(name + size - 4, ".swp") == 0 || strcmp(name + size - 4, ".swo") == 0);
}

/* The repository must be known to the REST side before its contents are asked for. 0, or an errno. */
static int resolve(struct repo *r) {
  if (r->resolved) return 0;
  char path[512], *answer = NULL;
  snprintf(path, sizeof path, "/v1/%s", r->name);
  int status = http("GET", path, r->token, "", 0, &answer, NULL);
  if (status == -1) say("error sending request for url (%s%s)", api_url, path);
  else if (status == 404) say("repo '%s' not found", r->name);
  else if (status != 200) say("get_repo on %s: http %d: %s", r->name, status, answer == NULL ? "" : answer);
  free(answer);
  if (status == 200) r->resolved = 1;
  return status == 200 ? 0 : status == 404 ? ENOENT : status == 403 ? EACCES : EIO;
}

/* One line of the list of files: SIZE SHA<TAB>PATH. What changed elsewhere is loaded again, unless it is being changed here. */
static void learn(struct repo *r, char *line) {
  char *tab = strchr(line, '\t'), *sha = strchr(line, ' '), full[1024];
  if (tab == NULL || sha == NULL || sha > tab) return;
  *tab = 0;
  snprintf(full, sizeof full, "/%s", tab + 1);
  add_parents(r, full);
  struct node *n = find_node(r, full);
  if (n == NULL) n = add_node(r, full, 0);
  n->seen = r->lists;
  if (n->dirty || n->open > 0 || strcmp(n->sha, sha + 1) == 0) return;
  snprintf(n->sha, sizeof n->sha, "%s", sha + 1);
  free(n->data);
  n->data = NULL;
  n->loaded = 0;
  n->size = (size_t)strtoull(line, NULL, 10);
  n->changed = time(NULL);
}

/* Brings a repository's list of files up to date (at most once a second). 0, or an errno. */
static int refresh(struct repo *r) {
  if (time(NULL) - r->fetched < 1) return 0;
  int trouble = resolve(r);
  if (trouble != 0) return trouble;
  char path[1024], *answer = NULL, *rest = NULL;
  snprintf(path, sizeof path, "/vcs/%s/tree?at=%s", r->name, r->at);
  int status = http("GET", path, r->token, "", 0, &answer, NULL);
  const char *why = status == -1    ? "code: 'The service is currently unavailable'"
                    : status == 403 ? "code: 'The caller does not have permission to execute the specified operation' (403)"
                    : status == 401 ? "code: 'The request does not have valid authentication credentials'"
                    : status == 404 ? "code: 'Some requested entity was not found'"
                                    : "code: 'Internal error encountered'";
  if (status != 200) say("resolve_rev on %s(\"%s\") in %s: %s", r->at[0] == 'b' ? "Bookmark" : "ChangeId", strchr(r->at, ':') + 1, r->name, why);
  if (status != 200) {
    free(answer);
    return status == 404 ? ENOENT : status == 403 ? EACCES : EIO;
  }
  r->lists++;
  for (char *line = strtok_r(answer, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) learn(r, line);
  free(answer);
  for (struct node *n = r->nodes; n != NULL; n = n->next)
    if (n->dirty || n->open > 0 || n->local) {
      n->seen = r->lists;
      add_parents(r, n->path);
    }
  for (struct node *n = r->nodes, *next; n != NULL; n = next) {
    next = n->next;
    if (n->seen != r->lists) drop_node(r, n);
  }
  r->fetched = time(NULL);
  return 0;
}

/* What a path of the mount means. */
enum where { TOP, ORG, ABOVE, INSIDE, NOWHERE };

/* Whether a layout's path lies below this one (which is "" for the mount itself); `rest` is then what follows it. */
static int is_below(const char *path, const char *above, const char **rest) {
  size_t size = strlen(above);
  if (strncmp(path, above, size) != 0 || path[size] != '/') return 0;
  *rest = path + size + 1;
  return 1;
}

static enum where locate(const char *path, struct repo **r, const char **inner, int *org) {
  *inner = "/";
  if (strcmp(path, "/") == 0) return TOP;
  if (place_count > 0) {
    for (int i = 0; i < place_count; i++) {
      size_t size = strlen(places[i].path);
      if (strncmp(path, places[i].path, size) != 0 || (path[size] != 0 && path[size] != '/')) continue;
      *r = repo_of(orgs[0].name, places[i].repo, orgs[0].key, places[i].at, places[i].read_only);
      if (path[size] == '/') *inner = path + size;
      return INSIDE;
    }
    for (int i = 0; i < place_count; i++) {
      const char *rest;
      if (is_below(places[i].path, path, &rest)) return ABOVE;
    }
    return NOWHERE;
  }
  for (int i = 0; i < org_count; i++) {
    size_t size = strlen(orgs[i].name);
    if (strncmp(path + 1, orgs[i].name, size) != 0) continue;
    const char *rest = path + 1 + size;
    *org = i;
    if (*rest == 0) return ORG;
    if (*rest != '/') continue;
    rest++;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(rest, "/"), rest);
    *r = repo_of(orgs[i].name, name, orgs[i].key, "bookmark:main", 0);
    rest += strlen(name);
    if (*rest == '/') *inner = rest;
    return INSIDE;
  }
  return NOWHERE;
}

/* Everything belongs to who runs the daemon, or to MESA_UID and MESA_GID. */
static void fill_stat(struct stat *st, int folder, mode_t mode, size_t size, time_t changed) {
  const char *uid = getenv("MESA_UID"), *gid = getenv("MESA_GID");
  memset(st, 0, sizeof *st);
  st->st_mode = (folder ? S_IFDIR : S_IFREG) | mode;
  st->st_nlink = folder ? 2 : 1;
  st->st_size = (off_t)size;
  st->st_blocks = (blkcnt_t)((size + 511) / 512);
  st->st_mtime = st->st_ctime = st->st_atime = changed;
  st->st_uid = uid != NULL && *uid != 0 ? (uid_t)strtoul(uid, NULL, 10) : getuid();
  st->st_gid = gid != NULL && *gid != 0 ? (gid_t)strtoul(gid, NULL, 10) : getgid();
}

static int do_getattr(const char *path, struct stat *st, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r = NULL;
  const char *inner;
  int org = 0;
  switch (locate(path, &r, &inner, &org)) {
  case NOWHERE:
    return -ENOENT;
  case TOP:
  case ORG:
  case ABOVE:
    fill_stat(st, 1, 0755, 0, time(NULL));
    return 0;
  case INSIDE:
    break;
  }
  struct node *known = find_node(r, inner);
  if (known == NULL || (!known->dirty && known->open == 0)) {
    int trouble = refresh(r);
    if (trouble != 0) return -trouble;
  }
  if (strcmp(inner, "/") == 0) {
    fill_stat(st, 1, 0755, 0, time(NULL));
    return 0;
  }
  struct node *n = find_node(r, inner);
  if (n == NULL) return -ENOENT;
  fill_stat(st, n->folder, n->mode, n->size, n->changed);
  return 0;
}

static int list_org(int org, void *buffer, fuse_fill_dir_t fill) {
  char path[512], *answer = NULL;
  snprintf(path, sizeof path, "/v1/%s/repos", orgs[org].name);
  int status = http("GET", path, orgs[org].key, "", 0, &answer, NULL);
  if (status != 200) {
    if (status == -1) say("error sending request for url (%s%s)", api_url, path);
    else say("list_repos on %s: http %d: %s", orgs[org].name, status, answer == NULL ? "" : answer);
    free(answer);
    return -EIO;
  }
  for (char *at = strstr(answer, "\"name\":\""); at != NULL; at = strstr(at + 1, "\"name\":\"")) {
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    fill(buffer, name, NULL, 0, 0);
  }
  free(answer);
  return 0;
}

/* The next part of every layout's path that lies below this one, once each. */
static int list_above(const char *path, void *buffer, fuse_fill_dir_t fill) {
  for (int i = 0; i < place_count; i++) {
    const char *rest, *other;
    if (!is_below(places[i].path, path, &rest)) continue;
    size_t size = strcspn(rest, "/");
    int before = 0;
    for (int j = 0; j < i; j++) before |= is_below(places[j].path, path, &other) && strcspn(other, "/") == size && strncmp(other, rest, size) == 0;
    char name[256];
    snprintf(name, sizeof name, "%.*s", (int)size, rest);
    if (!before) fill(buffer, name, NULL, 0, 0);
  }
  return 0;
}

static int do_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset, struct fuse_file_info *fi, enum fuse_readdir_flags flags) {
  (void)offset, (void)fi, (void)flags;
  struct repo *r = NULL;
  const char *inner;
  int org = 0;
  enum where where = locate(path, &r, &inner, &org);
  if (where == NOWHERE) return -ENOENT;
  fill(buffer, ".", NULL, 0, 0);
  fill(buffer, "..", NULL, 0, 0);
  if (place_count > 0 && (where == TOP || where == ABOVE)) return list_above(where == TOP ? "" : path, buffer, fill);
  if (where == TOP) {
    for (int i = 0; i < org_count; i++) fill(buffer, orgs[i].name, NULL, 0, 0);
    return 0;
  }
  if (where == ORG) return list_org(org, buffer, fill);
  int trouble = refresh(r);
  if (trouble != 0) return -trouble;
  size_t size = strcmp(inner, "/") == 0 ? 0 : strlen(inner);
  for (struct node *n = r->nodes; n != NULL; n = n->next)
    if (strncmp(n->path, inner, size) == 0 && n->path[size] == '/' && strchr(n->path + size + 1, '/') == NULL) fill(buffer, n->path + size + 1, NULL, 0, 0);
  return 0;
}

static int file_at(const char *path, struct repo **r, struct node **n, const char **inner) {
  int org = 0;
  *n = NULL;
  if (locate(path, r, inner, &org) != INSIDE) return -ENOENT;
  *n = find_node(*r, *inner);
  return 0;
}

static int may_write(struct repo *r) {
  return refuse_writes || r->read_only ? -EROFS : 0;
}

static int load(struct repo *r, struct node *n) {
  if (n->loaded) return 0;
  char path[2048], encoded[1500];
  url_encode(n->path + 1, encoded, sizeof encoded);
  snprintf(path, sizeof path, "/vcs/%s/file?path=%s&at=%s", r->name, encoded, r->at);
  char *answer = NULL;
  size_t size = 0;
  int status = http("GET", path, r->token, "", 0, &answer, &size);
  if (status != 200) {
    say("get_blob %s in %s: %s", n->path + 1, r->name,
        status == -1 ? "code: 'The service is currently unavailable'" : status == 401 ? "code: 'The request does not have valid authentication credentials'" : "code: 'Internal error encountered'");
    free(answer);
    return status == 403 ? -EACCES : status == 404 ? -ENOENT : -EIO;
  }
  free(n->data);
  n->data = answer;
  n->size = size;
  n->loaded = 1;
  return 0;
}

static int store(struct repo *r, struct node *n) {
  if (!n->dirty || writes_late > 0) return 0;
  if (is_ignored(n->path)) {
    n->local = 1;
    n->dirty = 0;
    return 0;
  }
  char path[2048], encoded[1500], *answer = NULL;
  url_encode(n->path + 1, encoded, sizeof encoded);
  snprintf(path, sizeof path, "/vcs/%s/file?path=%s&at=%s", r->name, encoded, r->at);
  int status = http("PUT", path, r->token, n->data == NULL ? "" : n->data, n->size, &answer, NULL);
  if (status != 200) {
    say("apply_ops on %s: %s", r->name,
        status == -1 ? "code: 'The service is currently unavailable'" : status == 401 ? "code: 'The request does not have valid authentication credentials'" : answer == NULL ? "" : answer);
    free(answer);
    return status == 403 ? -EACCES : -EIO;
  }
  /* The answer is the hash of what is there now. */
  snprintf(n->sha, sizeof n->sha, "%.40s", answer == NULL ? "" : answer);
  free(answer);
  n->dirty = n->local = 0;
  return 0;
}

static int do_open(const char *path, struct fuse_file_info *fi) {
  struct repo *r;
  struct node *n;
  const char *inner;
  int found = file_at(path, &r, &n, &inner);
  if (found != 0 || n == NULL) return -ENOENT;
  if ((fi->flags & O_ACCMODE) != O_RDONLY && may_write(r) != 0) return may_write(r);
  if (fi->flags & O_TRUNC) {
    n->size = 0;
    n->loaded = n->dirty = 1;
  }
  int trouble = load(r, n);
  if (trouble != 0) return trouble;
  n->open++;
  return 0;
}

static int do_create(const char *path, mode_t mode, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  int found = file_at(path, &r, &n, &inner);
  if (found != 0) return found;
  if (may_write(r) != 0) return may_write(r);
  if (n == NULL) n = add_node(r, inner, 0);
  n->mode = mode & 0777;
  n->loaded = n->dirty = 1;
  n->size = 0;
  n->open++;
  return 0;
}

static int do_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  int trouble = load(r, n);
  if (trouble != 0) return trouble;
  if ((size_t)offset >= n->size) return 0;
  if (size > n->size - (size_t)offset) size = n->size - (size_t)offset;
  memcpy(buffer, n->data + offset, size);
  return (int)size;
}

static int resize(struct node *n, size_t size) {
  char *bigger = realloc(n->data, size + 1);
  if (bigger == NULL) return -ENOSPC;
  if (size > n->size) memset(bigger + n->size, 0, size - n->size);
  n->data = bigger;
  n->size = size;
  n->dirty = 1;
  n->changed = time(NULL);
  return 0;
}

static int do_write(const char *path, const char *data, size_t size, off_t offset, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  if (may_write(r) != 0) return may_write(r);
  if ((size_t)offset + size > n->size && resize(n, (size_t)offset + size) != 0) return -ENOSPC;
  memcpy(n->data + offset, data, size);
  n->dirty = 1;
  n->changed = time(NULL);
  return (int)size;
}

static int do_truncate(const char *path, off_t size, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  if (may_write(r) != 0) return may_write(r);
  int trouble = load(r, n);
  if (trouble != 0) return trouble;
  trouble = resize(n, (size_t)size);
  return trouble == 0 && n->open == 0 ? store(r, n) : trouble;
}

static int do_flush(const char *path, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return 0;
  return store(r, n);
}

static int do_fsync(const char *path, int only_data, struct fuse_file_info *fi) {
  (void)only_data;
  return do_flush(path, fi);
}

static int do_release(const char *path, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return 0;
  if (n->open > 0) n->open--;
  return store(r, n);
}

/* A folder that loses its last file here stays, though the API knows no empty folders. */
static void keep_folder(struct repo *r, const char *path) {
  struct node *folder = add_parents(r, path);
  if (folder != NULL) folder->local = 1;
}

static int remove_remote(struct repo *r, const char *inner) {
  if (is_ignored(inner)) return 0;
  char path[2048], encoded[1500], *answer = NULL;
  url_encode(inner + 1, encoded, sizeof encoded);
  snprintf(path, sizeof path, "/vcs/%s/file?path=%s&at=%s", r->name, encoded, r->at);
  int status = http("DELETE", path, r->token, "", 0, &answer, NULL);
  free(answer);
  return status == 200 || status == 404 ? 0 : -EIO;
}

static int do_unlink(const char *path) {
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  if (may_write(r) != 0) return may_write(r);
  int trouble = remove_remote(r, inner);
  if (trouble != 0) return trouble;
  keep_folder(r, inner);
  drop_node(r, n);
  return 0;
}

static int do_mkdir(const char *path, mode_t mode) {
  struct repo *r;
  struct node *n;
  const char *inner;
  int found = file_at(path, &r, &n, &inner);
  if (found != 0) return -EPERM;
  if (may_write(r) != 0) return may_write(r);
  if (n != NULL) return -EEXIST;
  n = add_node(r, inner, 1);
  n->mode = mode & 0777;
  n->local = 1;
  return 0;
}

static int has_children(struct repo *r, const char *path) {
  size_t size = strlen(path);
  for (struct node *n = r->nodes; n != NULL; n = n->next)
    if (strncmp(n->path, path, size) == 0 && n->path[size] == '/') return 1;
  return 0;
}

static int do_rmdir(const char *path) {
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  if (may_write(r) != 0) return may_write(r);
  if (!n->folder) return -ENOTDIR;
  if (has_children(r, inner)) return -ENOTEMPTY;
  drop_node(r, n);
  return 0;
}

/* First the new name, then the old one's end: what is interrupted is there twice, never not at all. */
static int rename_file(struct repo *r, struct node *n, const char *target) {
  char before[1024];
  int trouble = load(r, n);
  if (trouble != 0) return trouble;
  struct node *old = find_node(r, target);
  if (old != NULL && old != n) drop_node(r, old);
  snprintf(before, sizeof before, "%s", n->path);
  move_node(r, n, target);
  n->dirty = 1;
  trouble = store(r, n);
  return trouble == 0 ? remove_remote(r, before) : trouble;
}

static int rename_folder(struct repo *r, struct node *n, const char *target) {
  char before[1024], moved[2048];
  size_t size = strlen(n->path);
  snprintf(before, sizeof before, "%s", n->path);
  if (strncmp(target, before, size) == 0 && target[size] == '/') return -EINVAL;
  struct node *old = find_node(r, target);
  if (old != NULL && old != n) drop_node(r, old);
  for (struct node *inside = r->nodes, *next; inside != NULL; inside = next) {
    next = inside->next;
    if (strncmp(inside->path, before, size) != 0 || (inside->path[size] != '/' && inside->path[size] != 0)) continue;
    snprintf(moved, sizeof moved, "%s%s", target, inside->path + size);
    int trouble = 0;
    if (inside->folder) move_node(r, inside, moved);
    else trouble = rename_file(r, inside, moved);
    if (trouble != 0) return trouble;
  }
  return 0;
}

static int do_rename(const char *from, const char *to, unsigned int flags) {
  struct repo *r, *other;
  struct node *n, *old;
  const char *inner, *target;
  if (file_at(from, &r, &n, &inner) != 0 || n == NULL) return -ENOENT;
  if (file_at(to, &other, &old, &target) != 0) return -ENOENT;
  if (other != r) return -EXDEV;
  if (may_write(r) != 0) return may_write(r);
  if (flags & ~1u) return -EINVAL;
  if ((flags & 1u) && old != NULL) return -EEXIST;
  if (old != NULL && old->folder && !n->folder) return -EISDIR;
  if (old != NULL && !old->folder && n->folder) return -ENOTDIR;
  if (old != NULL && old->folder && has_children(r, target)) return -ENOTEMPTY;
  keep_folder(r, inner);
  return n->folder ? rename_folder(r, n, target) : rename_file(r, n, target);
}

static int do_chmod(const char *path, mode_t mode, struct fuse_file_info *fi) {
  (void)fi;
  struct repo *r;
  struct node *n;
  const char *inner;
  if (file_at(path, &r, &n, &inner) == 0 && n != NULL) n->mode = mode & 0777;
  return 0;
}

static int do_chown(const char *path, uid_t uid, gid_t gid, struct fuse_file_info *fi) {
  (void)path, (void)uid, (void)gid, (void)fi;
  return 0;
}

static int do_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *fi) {
  (void)path, (void)times, (void)fi;
  return 0;
}

static int do_statfs(const char *path, struct statvfs *st) {
  (void)path;
  memset(st, 0, sizeof *st);
  st->f_bsize = st->f_frsize = 4096;
  st->f_blocks = st->f_bfree = st->f_bavail = 1 << 24;
  st->f_namemax = 255;
  return 0;
}

/* The mount ends (SIGTERM, SIGINT, fusermount3 -u): what is still only here goes to the API. */
static void do_destroy(void *unused) {
  (void)unused;
  if (writes_late > 0) usleep((useconds_t)writes_late * 1000);
  writes_late = 0;
  for (struct repo *r = repos; r != NULL; r = r->next)
    for (struct node *n = r->nodes; n != NULL; n = n->next)
      if (store(r, n) != 0) say("lost: %s%s", r->name, n->path);
  say("unmounted");
}

static const struct fuse_operations operations = {
    .getattr = do_getattr, .readdir = do_readdir, .open = do_open, .create = do_create, .read = do_read, .write = do_write,
    .truncate = do_truncate, .flush = do_flush, .fsync = do_fsync, .release = do_release, .unlink = do_unlink, .mkdir = do_mkdir,
    .rmdir = do_rmdir, .rename = do_rename, .chmod = do_chmod, .chown = do_chown, .utimens = do_utimens, .statfs = do_statfs,
    .destroy = do_destroy,
};

int serve(const char *mount_point) {
  char *argv[] = {"mesa", (char *)mount_point, "-f", "-s", "-o", "fsname=mesafs,nodev,allow_other,auto_unmount,default_permissions", NULL};
  return fuse_main(6, argv, &operations, NULL);
}
