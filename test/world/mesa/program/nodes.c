/* What is known of a repository: its nodes in a list, and in buckets by the hash of their path. */
#include "mesa.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct node **bucket_of(struct repo *r, const char *path) {
  unsigned hash = 5381;
  while (*path != 0) hash = hash * 33 + (unsigned char)*path++;
  return &r->buckets[hash % BUCKETS];
}

struct node *find_node(struct repo *r, const char *path) {
  struct node *n = *bucket_of(r, path);
  while (n != NULL && strcmp(n->path, path) != 0) n = n->chain;
  return n;
}

static void chain_in(struct repo *r, struct node *n) {
  struct node **bucket = bucket_of(r, n->path);
  n->chain = *bucket;
  *bucket = n;
}

static void chain_out(struct repo *r, struct node *n) {
  struct node **at = bucket_of(r, n->path);
  while (*at != n) at = &(*at)->chain;
  *at = n->chain;
}

struct node *add_node(struct repo *r, const char *path, int folder) {
  struct node *n = calloc(1, sizeof *n);
  n->path = strdup(path);
  n->folder = folder;
  n->mode = folder ? 0755 : 0644;
  n->changed = time(NULL);
  n->seen = r->lists;
  n->next = r->nodes;
  if (n->next != NULL) n->next->previous = n;
  r->nodes = n;
  chain_in(r, n);
  return n;
}

void drop_node(struct repo *r, struct node *gone) {
  chain_out(r, gone);
  if (gone->next != NULL) gone->next->previous = gone->previous;
  if (gone->previous != NULL) gone->previous->next = gone->next;
  else r->nodes = gone->next;
  free(gone->path);
  free(gone->data);
  free(gone);
}

void move_node(struct repo *r, struct node *n, const char *path) {
  chain_out(r, n);
  free(n->path);
  n->path = strdup(path);
  chain_in(r, n);
}

/* The folders above a path are there as long as something is in them. Gives the innermost, or NULL at the top. */
struct node *add_parents(struct repo *r, const char *path) {
  char part[1024];
  struct node *n = NULL;
  for (size_t i = 1; path[i] != 0 && i < sizeof part; i++)
    if (path[i] == '/') {
      snprintf(part, sizeof part, "%.*s", (int)i, path);
      n = find_node(r, part);
      if (n == NULL) n = add_node(r, part, 1);
      n->seen = r->lists;
    }
  return n;
}
