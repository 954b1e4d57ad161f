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
char configured_mount_point[512];
char configured_domain[256];

int generation(void) {
  int major = 0, minor = 0;
  sscanf(MESA_VERSION, "%d.%d.", &major, &minor);
  if (major > 0 || minor >= 48) return PRIVATE_KEY;
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

/* An organization that is known already gets the new key. */
static void add_org(const char *name, size_t name_size, const char *key, size_t key_size) {
  struct org *org = NULL;
  for (int i = 0; i < org_count; i++)
    if (strlen(orgs[i].name) == name_size && strncmp(orgs[i].name, name, name_size) == 0) org = &orgs[i];
  if (org == NULL) {
    if (org_count == MAX_ORGS) return;
    org = &orgs[org_count++];
    snprintf(org->name, sizeof org->name, "%.*s", (int)name_size, name);
  }
  snprintf(org->key, sizeof org->key, "%.*s", (int)key_size, key);
}

static void add_org_if_new(const char *name) {
  for (int i = 0; i < org_count; i++)
    if (strcmp(orgs[i].name, name) == 0) return;
  add_org(name, strlen(name), "", 0);
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

/* Reads `[organizations.NAME]`, `api-key = "…"`, `mount-point`, `service-domain` and the secrets backend. */
static int read_config(const char *path, int *plaintext) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  char line[4096], org[128] = "";
  while (fgets(line, sizeof line, file) != NULL) {
    char value[2048];
    if (line[0] == '[') {
      org[0] = 0;
      if (sscanf(line, "[organizations.%127[^].]]", org) == 1 && strchr(line + 15, '.') == NULL) add_org_if_new(org);
    }
    if (sscanf(line, " api-key = \"%2047[^\"]\"", value) == 1 && org[0] != 0) add_org(org, strlen(org), value, strlen(value));
    if (sscanf(line, " mount-point = \"%2047[^\"]\"", value) == 1) snprintf(configured_mount_point, sizeof configured_mount_point, "%.511s", value);
    if (sscanf(line, " service-domain = \"%2047[^\"]\"", value) == 1) snprintf(configured_domain, sizeof configured_domain, "%.255s", value);
    if (sscanf(line, " backend = \"%2047[^\"]\"", value) == 1 && plaintext != NULL) *plaintext = strcmp(value, "plaintext-file") == 0;
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
  mode_t before = umask(077);
  FILE *file = fopen(path, "w");
  umask(before);
  if (file == NULL) return;
  if (configured_mount_point[0] != 0) fprintf(file, "mount-point = \"%s\"\n\n", configured_mount_point);
  for (int i = 0; i < org_count; i++) {
    fprintf(file, "[organizations.%s]\n", orgs[i].name);
    if (orgs[i].key[0] != 0) fprintf(file, "api-key = \"%s\"\n", orgs[i].key);
  }
  fclose(file);
}

/* The encrypted store: a line an organization, name and key together made unreadable with the passphrase, a known word before them. */
#define VAULT_HEAD "age-encryption.org/v1 (stand-in)\n"
#define VAULT_WORD "open "

static void write_vault(const char *path, const char *passphrase) {
  make_parents(path);
  mode_t before = umask(077);
  FILE *file = fopen(path, "w");
  umask(before);
  if (file == NULL) return;
  fputs(VAULT_HEAD, file);
  for (int i = 0; i < org_count; i++) {
    char text[2300];
    int size = snprintf(text, sizeof text, VAULT_WORD "%s %s", orgs[i].name, orgs[i].key);
    for (int at = 0; at < size; at++) fprintf(file, "%02x", (unsigned char)(text[at] ^ passphrase[(size_t)at % strlen(passphrase)]));
    fputc('\n', file);
  }
  fclose(file);
}

/* 0; -1: there is no such file. A wrong passphrase ends the program. */
static int read_vault(const char *path, const char *passphrase) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  char line[4700];
  if (fgets(line, sizeof line, file) == NULL || strcmp(line, VAULT_HEAD) != 0) die("Error: failed to open the secret store: not a vault");
  while (fgets(line, sizeof line, file) != NULL) {
    char text[2300];
    size_t size = 0;
    unsigned byte;
    for (const char *at = line; sscanf(at, "%2x", &byte) == 1 && size < sizeof text - 1; at += 2, size++) text[size] = (char)(byte ^ (unsigned char)passphrase[size % strlen(passphrase)]);
    text[size] = 0;
    char *key = size < strlen(VAULT_WORD) ? NULL : strchr(text + strlen(VAULT_WORD), ' ');
    if (strncmp(text, VAULT_WORD, strlen(VAULT_WORD)) != 0 || key == NULL) die("Error: failed to open the secret store: wrong passphrase");
    char *name = text + strlen(VAULT_WORD);
    add_org(name, (size_t)(key - name), key + 1, strlen(key + 1));
  }
  fclose(file);
  return 0;
}

/* Opens the store of the backend that the configuration names (encrypted-file by default), adds to it, and leaves it as it now is. */
static void use_store(int plaintext, const char *variable) {
  char path[600];
  const char *passphrase = getenv("MESA_VAULT_PASSPHRASE");
  if (!plaintext && (passphrase == NULL || *passphrase == 0)) die("Error: failed to open the secret store: encrypted-file backend needs a passphrase (set MESA_VAULT_PASSPHRASE)");
  home_file(plaintext ? ".local/share/mesa/secrets.plaintext.toml" : ".local/share/mesa/secrets.vault.age", path, sizeof path);
  if (plaintext) read_config(path, NULL);
  else read_vault(path, passphrase);
  if (variable == NULL || *variable == 0) return;
  from_orgs_variable(variable);
  if (plaintext) write_keys(path);
  else write_vault(path, passphrase);
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
  if (generation() == PRIVATE_KEY || org == NULL || *org == 0 || key == NULL || *key == 0) return -1;
  add_org(org, strlen(org), key, strlen(key));
  return 0;
}

/* Only names, no keys: what the generation that takes its key from the environment still writes. */
static void remember_org(void) {
  char path[600];
  const char *without = getenv("MESA_NO_CONFIG_FILE");
  if (without != NULL && *without != 0) return;
  home_file(".config/mesa/config.toml", path, sizeof path);
  if (access(path, F_OK) == 0) return;
  make_parents(path);
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "[organizations.%s]\n", orgs[0].name);
  fclose(file);
}

#define NOT_ONBOARDED "Failed to load configuration: Failed to onboard: Terminal is not interactive"

void load_credentials(const char *config_path, int non_interactive) {
  const char *variable = getenv("MESA_ORGS");
  char path[600];
  int plaintext = 0, found;
  switch (generation()) {
  case CONFIG_FILE:
    if (find_config(config_path, NULL) != 0 && !non_interactive) die(NOT_ONBOARDED);
    break;
  case ORGS:
    found = find_config(config_path, NULL) == 0;
    if (!found && !non_interactive) die(NOT_ONBOARDED);
    if (variable == NULL || *variable == 0) break;
    from_orgs_variable(variable);
    home_file(".config/mesa/config.toml", path, sizeof path);
    write_keys(config_path != NULL ? config_path : path);
    break;
  case SECRET_STORE:
    find_config(config_path, &plaintext);
    use_store(plaintext, variable);
    break;
  case ENV_ONLY:
    if (from_environment(0) != 0) die("Error: missing required configuration: MESA_API_KEY and MESA_ORG must be set");
    remember_org();
    break;
  case PRIVATE_KEY:
    if (from_environment(1) != 0) die("Error: missing credentials: set MESA_ACCESS_TOKEN");
    break;
  default:
    if (from_environment(1) != 0) die("Error: missing credentials: set MESA_ACCESS_TOKEN, or MESA_ORG and MESA_API_KEY");
  }
  if (org_count == 0) die("Configuration is invalid.\nNo organization is configured.");
  for (int i = 0; i < org_count; i++)
    if (orgs[i].key[0] == 0) {
      if (generation() == SECRET_STORE) fprintf(stderr, "Error: no api key found in the secret store for organization '%s'\n", orgs[i].name);
      else fprintf(stderr, "Configuration is invalid.\nOrganization '%s' has no api-key.\n", orgs[i].name);
      exit(1);
    }
}

/* `mesa auth set-key --org ORG KEY`: only where there is a secret store. */
int set_key(const char *org, const char *key) {
  char entry[2300];
  int plaintext = 0;
  find_config(NULL, &plaintext);
  snprintf(entry, sizeof entry, "%s:%s", org, key);
  use_store(plaintext, entry);
  return 0;
}

/* The end of the object that begins at a brace, or NULL. */
static char *end_of_object(char *at) {
  int depth = 0, quoted = 0;
  for (; *at != 0; at++) {
    if (*at == '"') quoted = !quoted;
    if (quoted) continue;
    if (*at == '{') depth++;
    if (*at == '}' && --depth == 0) return at;
  }
  return NULL;
}

/* The text of a key between two places; 0 when it is there. */
static int text_of(const char *begin, const char *end, const char *key, char *out, size_t room) {
  char quoted[40];
  snprintf(quoted, sizeof quoted, "\"%s\"", key);
  const char *at = strstr(begin, quoted);
  if (at == NULL || at > end) return -1;
  at += strlen(quoted);
  at += strspn(at, " \t\r\n:");
  if (*at != '"') return -1;
  snprintf(out, room, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
  return 0;
}

/* {"/workspace":{"kind":"repo","mode":"rw","name":"demo","at":{"bookmark":"draft"}}}: path by path. */
int load_layout(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) return -1;
  static char text[8192];
  size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = 0;
  for (char *at = strstr(text, "\"/"), *end; at != NULL && place_count < MAX_ORGS; at = strstr(end, "\"/")) {
    struct place *place = &places[place_count];
    char mode[8], revision[160], encoded[330];
    char *begin = strchr(at, '{');
    end = begin == NULL ? NULL : end_of_object(begin);
    snprintf(place->path, sizeof place->path, "%.*s", (int)strcspn(at + 1, "\""), at + 1);
    if (end == NULL || text_of(begin, end, "name", place->repo, sizeof place->repo) != 0 || text_of(begin, end, "mode", mode, sizeof mode) != 0) return -1;
    if (strstr(begin, "\"branchedFrom\"") != NULL) {
      fprintf(stderr, "Error: this stand-in makes no branches\n");
      return -1;
    }
    place->read_only = strcmp(mode, "ro") == 0;
    const char *kind = text_of(begin, end, "changeId", revision, sizeof revision) == 0 ? "change-id" : "bookmark";
    if (*kind == 'b' && text_of(begin, end, "bookmark", revision, sizeof revision) != 0) strcpy(revision, "main");
    url_encode(revision, encoded, sizeof encoded);
    snprintf(place->at, sizeof place->at, "%s:%s", kind, encoded);
    for (int i = 0; i < place_count; i++)
      if (strcmp(places[i].repo, place->repo) == 0) {
        fprintf(stderr, "Error: repository '%s' is mounted more than once\n", place->repo);
        return -1;
      }
    place_count++;
  }
  return place_count > 0 ? 0 : -1;
}
