/* Where each generation of the CLI takes its credentials from, and where it leaves them. */
#include "mesa.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct org orgs[MAX_ORGS];
int org_count = 0;
struct place places[MAX_ORGS];
int place_count = 0;

int generation(void) {
  int minor = 0;
  sscanf(MESA_VERSION, "0.%d.", &minor);
  if (minor <= 15) return CONFIG_FILE;
  if (minor < 26) return ORGS;
  if (minor < 36) return SECRET_STORE;
  if (minor < 43) return ENV_ONLY;
  if (minor < 44) return ACCESS_TOKEN;
  return LAYOUT;
}

static void die(const char *text) {
  fprintf(stderr, "%s\n", text);
  exit(1);
}

static void add_org(const char *name, size_t name_size, const char *key, size_t key_size) {
  if (org_count == MAX_ORGS) return;
  snprintf(orgs[org_count].name, sizeof orgs[0].name, "%.*s", (int)name_size, name);
  snprintf(orgs[org_count].key, sizeof orgs[0].key, "%.*s", (int)key_size, key);
  org_count++;
}

static void from_orgs_variable(const char *text) {
  while (*text != 0) {
    size_t size = strcspn(text, ",");
    const char *colon = memchr(text, ':', size);
    if (colon == NULL) die("Error: invalid MESA_ORGS entry, expected <org>:<key>");
    add_org(text, (size_t)(colon - text), colon + 1, size - (size_t)(colon - text) - 1);
    text += size + (text[size] == ',');
  }
}

static void home_file(const char *name, char *out, size_t room) {
  const char *home = getenv("HOME");
  snprintf(out, room, "%s/%s", home == NULL || *home == 0 ? "/tmp" : home, name);
}

static void make_parents(const char *path) {
  char part[600];
  for (size_t i = 1; path[i] != 0 && i < sizeof part - 1; i++)
    if (path[i] == '/') {
      snprintf(part, sizeof part, "%.*s", (int)i, path);
      mkdir(part, 0755);
    }
}

/* Reads `[organizations.NAME]` and `api-key = "…"`; tells whether the secrets backend is plaintext-file. */
static int read_config(const char *path, int *plaintext) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  char line[4096], org[128] = "";
  while (fgets(line, sizeof line, file) != NULL) {
    char value[2048];
    if (line[0] == '[') org[0] = 0;
    sscanf(line, "[organizations.%127[^].]]", org);
    if (sscanf(line, " api-key = \"%2047[^\"]\"", value) == 1 && org[0] != 0) add_org(org, strlen(org), value, strlen(value));
    if (strstr(line, "plaintext-file") != NULL && plaintext != NULL) *plaintext = 1;
  }
  fclose(file);
  return 0;
}

static int find_config(const char *given, int *plaintext) {
  if (given != NULL) return read_config(given, plaintext);
  char path[600];
  const char *xdg = getenv("XDG_CONFIG_HOME");
  if (xdg != NULL) {
    snprintf(path, sizeof path, "%s/mesa/config.toml", xdg);
    if (read_config(path, plaintext) == 0) return 0;
  }
  home_file(".config/mesa/config.toml", path, sizeof path);
  if (read_config(path, plaintext) == 0) return 0;
  return read_config("/etc/mesa/config.toml", plaintext);
}

static void write_keys(const char *path) {
  make_parents(path);
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  for (int i = 0; i < org_count; i++) fprintf(file, "[organizations.%s]\napi-key = \"%s\"\n", orgs[i].name, orgs[i].key);
  fclose(file);
}

/* The issuer named in a token's claims: for tokens from a private key that is the organization. */
static void issuer_of(const char *token, char *out, size_t room) {
  static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  char text[2048];
  size_t used = 0;
  unsigned bits = 0, count = 0;
  const char *part = strchr(token, '.');
  out[0] = 0;
  if (part == NULL) return;
  for (part++; *part != 0 && *part != '.' && used < sizeof text - 1; part++) {
    const char *at = strchr(alphabet, *part);
    if (at == NULL) break;
    bits = bits << 6 | (unsigned)(at - alphabet);
    count += 6;
    if (count >= 8) {
      count -= 8;
      text[used++] = (char)(bits >> count & 255);
    }
  }
  text[used] = 0;
  char *iss = strstr(text, "\"iss\":\"");
  if (iss != NULL) snprintf(out, room, "%.*s", (int)strcspn(iss + 7, "\""), iss + 7);
}

static int from_environment(int tokens) {
  const char *org = getenv("MESA_ORG"), *key = getenv("MESA_API_KEY"), *token = getenv("MESA_ACCESS_TOKEN");
  char issuer[128];
  if (tokens && token != NULL && *token != 0) {
    issuer_of(token, issuer, sizeof issuer);
    if (org == NULL || *org == 0) org = issuer;
    add_org(org, strlen(org), token, strlen(token));
    return 0;
  }
  if (org == NULL || *org == 0 || key == NULL || *key == 0) return -1;
  add_org(org, strlen(org), key, strlen(key));
  return 0;
}

void load_credentials(const char *config_path, int non_interactive) {
  const char *variable = getenv("MESA_ORGS");
  char path[600];
  int plaintext = 0;
  switch (generation()) {
  case CONFIG_FILE:
    if (find_config(config_path, NULL) != 0) die("Failed to load configuration: Failed to onboard: Terminal is not interactive");
    break;
  case ORGS: {
    int found = find_config(config_path, NULL);
    if (variable != NULL && *variable != 0) {
      if (found != 0 && !non_interactive) die("Failed to load configuration: Failed to onboard: Terminal is not interactive");
      org_count = 0;
      from_orgs_variable(variable);
      home_file(".config/mesa/config.toml", path, sizeof path);
      write_keys(path);
    } else if (found != 0) die("Failed to load configuration: Failed to onboard: Terminal is not interactive");
    break;
  }
  case SECRET_STORE: {
    find_config(config_path, &plaintext);
    const char *passphrase = getenv("MESA_VAULT_PASSPHRASE");
    if (!plaintext && (passphrase == NULL || *passphrase == 0)) die("Error: failed to open the secret store: encrypted-file backend needs a passphrase (set MESA_VAULT_PASSPHRASE)");
    home_file(plaintext ? ".local/share/mesa/secrets.plaintext.toml" : ".local/share/mesa/secrets.vault.age", path, sizeof path);
    if (variable != NULL && *variable != 0) {
      org_count = 0;
      from_orgs_variable(variable);
      write_keys(path);
    } else if (org_count == 0 && read_config(path, NULL) != 0) die("Error: no api key found in the secret store for organization '<slug>'");
    break;
  }
  case ENV_ONLY:
    if (from_environment(0) != 0) die("Error: missing required configuration: MESA_API_KEY and MESA_ORG must be set");
    break;
  default:
    if (from_environment(1) != 0) die("Error: missing credentials: set MESA_ACCESS_TOKEN, or MESA_ORG and MESA_API_KEY");
  }
  if (org_count == 0) die("Configuration is invalid. No organization is configured.");
}

/* {"/workspace":{"kind":"repo","mode":"rw","name":"demo"}}: path by path, names with or without the organization. */
int load_layout(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  static char text[8192];
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = 0;
  for (char *at = strstr(text, "\"/"); at != NULL && place_count < MAX_ORGS; at = strstr(at + 1, "\"/")) {
    struct place *place = &places[place_count];
    char *end = strchr(at, '}'), *name = strstr(at, "\"name\""), *mode = strstr(at, "\"ro\"");
    snprintf(place->path, sizeof place->path, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
    if (name == NULL || end == NULL || name > end) return -1;
    name = strchr(name + 6, '"');
    if (name == NULL) return -1;
    const char *slash = memchr(name + 1, '/', strcspn(name + 1, "\""));
    const char *begin = slash == NULL ? name + 1 : slash + 1;
    snprintf(place->repo, sizeof place->repo, "%.*s", (int)strcspn(begin, "\""), begin);
    place->read_only = mode != NULL && mode < end;
    place_count++;
  }
  return place_count > 0 ? 0 : -1;
}
