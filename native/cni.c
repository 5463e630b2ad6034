/*
 * The executable that container runtimes start as a CNI plugin. It hands the environment and its standard input to the
 * daemon and does what the daemon answers: print something, or run another plugin and come back with what that printed
 * (src/cni/plugin.ts). Everything that needs thought is there. Here it is small and static, because it is started for
 * every container: a runtime waits less than a millisecond for it.
 *
 * What the daemon cannot say for itself is said here: that it does not answer, and VERSION, which needs no daemon.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef SOCKET_PATH
#define SOCKET_PATH "/run/net-routed/cni.sock"
#endif

/* The same list as in src/cni/version.ts. */
#define VERSIONS "\"0.1.0\",\"0.2.0\",\"0.3.0\",\"0.3.1\",\"0.4.0\",\"1.0.0\",\"1.1.0\""
#define NEWEST "1.1.0"

enum {
  INPUT_BYTES = 1 << 20,      /* bytes of a configuration, or of what a delegate prints */
  ANSWER_BYTES = 8 << 20,
  CONNECT_MS = 2000,        /* a daemon that restarts is back by then */
  CONNECT_PAUSE_MS = 50,
  ANSWER_MS = 30000,        /* the daemon gives up after 10 s */
  DELEGATE_SECONDS = 100
};

/* Codes of SPEC.md, Error. */
enum { CODE_IO = 5, CODE_UNDECODABLE = 6, CODE_TRY_AGAIN = 11, CODE_UNAVAILABLE = 50 };

/* Bytes that grow. `data` is always terminated by a zero that `length` does not count. */
struct text {
  char *data;
  size_t length;
  size_t room;
};

static struct text input; /* for the version in errors */

static void fail(int code, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

static void append(struct text *text, const char *bytes, size_t length) {
  if (text->length + length + 1 > text->room) {
    text->room = (text->length + length + 1) * 2;
    text->data = realloc(text->data, text->room);
    if (text->data == NULL) {
      fputs("net-routed: out of memory\n", stderr);
      exit(1);
    }
  }
  memcpy(text->data + text->length, bytes, length);
  text->length += length;
  text->data[text->length] = '\0';
}

static void append_text(struct text *text, const char *string) { append(text, string, strlen(string)); }

/* As a JSON string, with its quotes. */
static void append_json(struct text *text, const char *bytes, size_t length) {
  append_text(text, "\"");
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char escaped[8];
    if (byte == '"' || byte == '\\') {
      snprintf(escaped, sizeof escaped, "\\%c", byte);
      append_text(text, escaped);
    } else if (byte < 0x20) {
      snprintf(escaped, sizeof escaped, "\\u%04x", byte);
      append_text(text, escaped);
    } else {
      append(text, bytes + i, 1);
    }
  }
  append_text(text, "\"");
}

static void append_field(struct text *text, const char *name, const char *value) {
  append_text(text, "\"");
  append_text(text, name);
  append_text(text, "\":");
  append_json(text, value, strlen(value));
  append_text(text, ",");
}

static const char *variable(const char *name) {
  const char *value = getenv(name);
  return value == NULL ? "" : value;
}

static void print(const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t written = write(STDOUT_FILENO, bytes, length);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) exit(1);
    bytes += written;
    length -= (size_t)written;
  }
}

/* The version of the configuration, found without a parser: a wrong guess only shows in an error's version. */
static void find_version(char version[16]) {
  strcpy(version, NEWEST);
  const char *at = input.data == NULL ? NULL : strstr(input.data, "\"cniVersion\"");
  if (at == NULL) return;
  at += strlen("\"cniVersion\"");
  at += strspn(at, " \t\r\n:");
  size_t length = *at == '"' ? strspn(at + 1, "0123456789.") : 0;
  if (length == 0 || length > 15 || at[1 + length] != '"') return;
  memcpy(version, at + 1, length);
  version[length] = '\0';
}

/* Prints an error as runtimes read it, and ends. */
static void fail(int code, const char *format, ...) {
  char message[1024], version[16], number[16];
  va_list values;
  va_start(values, format);
  vsnprintf(message, sizeof message, format, values);
  va_end(values);
  find_version(version);
  snprintf(number, sizeof number, "%d", code);
  struct text error = {0};
  append_text(&error, "{");
  append_field(&error, "cniVersion", version);
  append_text(&error, "\"code\":");
  append_text(&error, number);
  append_text(&error, ",\"msg\":");
  append_json(&error, message, strlen(message));
  append_text(&error, ",\"details\":\"\"}\n");
  print(error.data, error.length);
  exit(1);
}

static long long now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (long long)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

/* Reads to the end. Returns 0, or E2BIG, ETIMEDOUT or what read(2) says. `deadline` 0 = none. */
static int read_all(int fd, struct text *text, size_t limit, long long deadline) {
  char buffer[65536];
  append_text(text, "");
  for (;;) {
    if (deadline != 0) {
      long long left = deadline - now_ms();
      struct pollfd waiting = {.fd = fd, .events = POLLIN};
      if (left <= 0 || poll(&waiting, 1, (int)left) == 0) return ETIMEDOUT;
    }
    ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    if (count == 0) return 0;
    if (text->length + (size_t)count > limit) return E2BIG;
    append(text, buffer, (size_t)count);
  }
}

/* Returns 0 or what write(2) says. */
static int write_all(int fd, const char *bytes, size_t length) {
  while (length > 0) {
    ssize_t count = send(fd, bytes, length, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno;
    bytes += count;
    length -= (size_t)count;
  }
  return 0;
}

/* Connects to the daemon, and waits a little for one that is being restarted. */
static int connect_daemon(void) {
  const char *path = variable("NET_ROUTED_CNISOCK");
  if (*path == '\0') path = SOCKET_PATH;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (strlen(path) >= sizeof address.sun_path) fail(CODE_IO, "the path of the socket is too long: %s", path);
  strcpy(address.sun_path, path);
  long long deadline = now_ms() + CONNECT_MS;
  for (;;) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail(CODE_IO, "cannot make a socket: %s", strerror(errno));
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) return fd;
    int error = errno;
    close(fd);
    int may_come = error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == EINTR;
    if (!may_come || now_ms() >= deadline) {
      int code = strcmp(variable("CNI_COMMAND"), "STATUS") == 0 ? CODE_UNAVAILABLE : CODE_TRY_AGAIN;
      fail(code, "the daemon net-routed does not answer on %s: %s; is the service running?", path, strerror(error));
    }
    poll(NULL, 0, CONNECT_PAUSE_MS);
  }
}

/* Posts a document. `answer` becomes the body of the answer. */
static void post(const char *method, const struct text *body, struct text *answer) {
  struct text request = {0};
  char head[256];
  snprintf(head, sizeof head, "POST /%s HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n", method,
           body->length);
  append_text(&request, head);
  append(&request, body->data, body->length);
  int fd = connect_daemon();
  int error = write_all(fd, request.data, request.length);
  struct text reply = {0};
  /* A daemon that refuses a request may not have read it to its end: its answer counts. */
  int unread = read_all(fd, &reply, ANSWER_BYTES, now_ms() + ANSWER_MS);
  close(fd);
  const char *end = strstr(reply.data, "\r\n\r\n");
  if (end == NULL) {
    const char *why = error != 0 ? strerror(error) : unread != 0 ? strerror(unread) : "it closed the connection";
    fail(CODE_TRY_AGAIN, "no answer from the daemon net-routed: %s", why);
  }
  if (strncmp(reply.data, "HTTP/1.1 200 ", 13) != 0) fail(CODE_TRY_AGAIN, "the daemon net-routed refuses: %s", end + 4);
  append(answer, end + 4, reply.length - (size_t)(end + 4 - reply.data));
  free(reply.data);
  free(request.data);
}

/* Finds a plugin in the directories of CNI_PATH: a plain name, a regular file that may be run. Returns 0 if there is none. */
static int find_plugin(const char *type, char path[PATH_MAX]) {
  if (*type == '\0' || *type == '.' || strchr(type, '/') != NULL) return 0;
  const char *directory = variable("CNI_PATH");
  while (*directory != '\0') {
    size_t length = strcspn(directory, ":");
    struct stat found;
    if (length > 0 && snprintf(path, PATH_MAX, "%.*s/%s", (int)length, directory, type) < PATH_MAX &&
        stat(path, &found) == 0 && S_ISREG(found.st_mode) && access(path, X_OK) == 0)
      return 1;
    directory += length;
    directory += *directory == ':';
  }
  return 0;
}

/* Feeds a delegate from a process of its own, so that neither waits for the other when both have much to say. */
static void feed(int fd, const char *bytes, size_t length) {
  pid_t feeder = fork();
  if (feeder != 0) return;
  signal(SIGPIPE, SIG_DFL);
  while (length > 0) {
    ssize_t count = write(fd, bytes, length);
    if (count < 0) _exit(1);
    bytes += count;
    length -= (size_t)count;
  }
  _exit(0);
}

/* One that has closed its output may go on for ever. Returns 0 if it had to be killed. */
static int await_end(pid_t child, int *status, long long deadline) {
  int ended_itself = 1;
  for (int pause = 0; waitpid(child, status, WNOHANG) == 0; pause = 1) {
    if (now_ms() >= deadline) {
      kill(child, SIGKILL);
      ended_itself = 0;
    }
    poll(NULL, 0, pause);
  }
  return ended_itself;
}

/* What to run, as the daemon says it. */
struct plugin {
  const char *type;
  char *variables; /* NAME=VALUE, each ended by a zero, an empty one last: in its environment, ours stays as it is */
  const char *input;
  size_t length;
};

/* Runs a plugin in our environment. Returns its exit code, or -1 with a reason in `output`. */
static int run_plugin(const struct plugin *plugin, struct text *output) {
  char path[PATH_MAX];
  int to[2], from[2];
  append_text(output, "");
  if (!find_plugin(plugin->type, path)) {
    append_text(output, "there is no such plugin in CNI_PATH ");
    append_text(output, variable("CNI_PATH"));
    return -1;
  }
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
    append_text(output, strerror(errno));
    return -1;
  }
  pid_t child = fork();
  if (child == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    signal(SIGPIPE, SIG_DFL);
    for (char *variable = plugin->variables; *variable != '\0'; variable += strlen(variable) + 1) putenv(variable);
    execl(path, path, (char *)NULL);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  if (child > 0) feed(to[1], plugin->input, plugin->length);
  close(to[1]);
  long long deadline = now_ms() + DELEGATE_SECONDS * 1000;
  int error = child < 0 ? errno : read_all(from[0], output, INPUT_BYTES, deadline);
  int status = 0;
  if (child > 0) {
    if (error != 0) kill(child, SIGKILL);
    if (!await_end(child, &status, deadline)) error = ETIMEDOUT;
  }
  close(from[0]);
  if (error != 0) {
    output->length = 0;
    append_text(output, error == E2BIG ? "it prints more than 1 MiB" : strerror(error));
    return -1;
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  output->length = 0;
  append_text(output, "it was killed by a signal: ");
  append_text(output, strsignal(WTERMSIG(status)));
  return -1;
}

/* Takes the next line off a text. Returns NULL where there is none. */
static char *next_line(char **at) {
  char *line = *at, *end = strchr(line, '\n');
  if (end == NULL) return NULL;
  *end = '\0';
  *at = end + 1;
  return line;
}

/* Does what an answer says. Returns only with a delegate's result, in `body`. */
static void obey(struct text *answer, struct text *body) {
  char *at = answer->data;
  char *order = next_line(&at), *name = order == NULL ? NULL : strchr(order, ' ');
  if (name == NULL) fail(CODE_TRY_AGAIN, "the daemon net-routed answers what this plugin does not understand");
  *name++ = '\0';
  char *ticket = strchr(name, ' ');
  if (ticket != NULL) *ticket++ = '\0';
  char *variables = at;
  for (char *line; (line = next_line(&at)) != NULL && *line != '\0';) continue;
  size_t length = answer->length - (size_t)(at - answer->data);
  if (strcmp(order, "print") == 0) {
    print(at, length);
    exit(atoi(name));
  }
  if (strcmp(order, "run") != 0 || ticket == NULL) fail(CODE_TRY_AGAIN, "the daemon net-routed asks for \"%s\"", order);
  struct text output = {0};
  char number[32];
  struct plugin plugin = {.type = name, .variables = variables, .input = at, .length = length};
  snprintf(number, sizeof number, "\"exit\":%d,", run_plugin(&plugin, &output));
  body->length = 0;
  append_text(body, "{");
  append_field(body, "ticket", ticket);
  append_text(body, number);
  append_text(body, "\"output\":");
  append_json(body, output.data, output.length);
  append_text(body, "}");
  free(output.data);
}

static void describe_call(struct text *body, const char *program) {
  const char *slash = strrchr(program, '/');
  append_text(body, "{");
  append_field(body, "plugin", slash == NULL ? program : slash + 1);
  append_field(body, "command", variable("CNI_COMMAND"));
  append_field(body, "containerId", variable("CNI_CONTAINERID"));
  append_field(body, "netns", variable("CNI_NETNS"));
  append_field(body, "ifName", variable("CNI_IFNAME"));
  append_field(body, "args", variable("CNI_ARGS"));
  append_text(body, "\"input\":");
  append_json(body, input.data, input.length);
  append_text(body, "}");
}

int main(int argc, char **argv) {
  signal(SIGPIPE, SIG_IGN);
  if (strcmp(variable("CNI_COMMAND"), "VERSION") == 0) {
    static const char versions[] = "{\"cniVersion\":\"" NEWEST "\",\"supportedVersions\":[" VERSIONS "]}\n";
    print(versions, sizeof versions - 1);
    return 0;
  }
  int error = read_all(STDIN_FILENO, &input, INPUT_BYTES, 0);
  if (error == E2BIG) fail(CODE_UNDECODABLE, "the configuration is longer than 1 MiB");
  if (error != 0) fail(CODE_IO, "cannot read the configuration: %s", strerror(error));
  const char *method = "Cni.Run";
  struct text body = {0};
  describe_call(&body, argc > 0 ? argv[0] : "");
  for (;;) {
    struct text answer = {0};
    post(method, &body, &answer);
    obey(&answer, &body);
    method = "Cni.Continue";
  }
}
