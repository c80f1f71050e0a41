/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Takes times for measure.py, without an interpreter in between. Reads one command a
 * line, words separated by tabs, and answers each with one line of nanoseconds:
 *
 *   spawn WORD...     a program, from its start to its end
 *   byte WORD...      a program, from its start to the first byte on its standard output
 *   start PATH        org.bothy.Bothy1.Container.Start, from the call until it has been
 *                     answered and the first process has written a byte
 *   call PATH INTERFACE MEMBER TYPES ARGUMENT...
 *                     any method; TYPES are s, o and v, an empty a{sv} that takes no
 *                     argument. What it returns, if that is one path, follows the time.
 *   get PATH INTERFACE PROPERTY
 *                     a property of type s, in place of a time
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <time.h>
#include <unistd.h>

#define SERVICE   "org.bothy.Bothy1"
#define MAX_WORDS 64
#define PATIENCE  (60 * 1000000ull) /* microseconds for one call */

extern char **environ;

static int64_t
now (void)
{
  struct timespec time;

  clock_gettime (CLOCK_MONOTONIC, &time);
  return time.tv_sec * INT64_C (1000000000) + time.tv_nsec;
}

__attribute__ ((format (printf, 1, 2), noreturn)) static void
die (const char *format, ...)
{
  va_list arguments;

  va_start (arguments, format);
  fputs ("bench-tool: ", stderr);
  vfprintf (stderr, format, arguments);
  fputc ('\n', stderr);
  va_end (arguments);
  exit (EXIT_FAILURE);
}

static void
check (int result, const char *what)
{
  if (result < 0)
    die ("%s: %s", what, strerror (-result));
}

/* ---- Programs ---- */

static pid_t
spawn (char **words, int output)
{
  posix_spawn_file_actions_t actions;
  pid_t pid;
  int error;

  posix_spawn_file_actions_init (&actions);
  posix_spawn_file_actions_addopen (&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (output >= 0)
    posix_spawn_file_actions_adddup2 (&actions, output, STDOUT_FILENO);
  else
    posix_spawn_file_actions_addopen (&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  error = posix_spawnp (&pid, words[0], &actions, NULL, words, environ);
  if (error != 0)
    die ("%s: %s", words[0], strerror (error));
  posix_spawn_file_actions_destroy (&actions);
  return pid;
}

static void
wait_for (pid_t pid, const char *name)
{
  int status;

  if (waitpid (pid, &status, 0) != pid || !WIFEXITED (status) || WEXITSTATUS (status) != 0)
    die ("%s failed", name);
}

static int64_t
time_spawn (char **words)
{
  int64_t begin = now ();

  wait_for (spawn (words, -1), words[0]);
  return now () - begin;
}

static void
open_pipe (int pipe[2])
{
  if (pipe2 (pipe, O_CLOEXEC) < 0)
    die ("pipe: %s", strerror (errno));
}

/* When the first byte came; then reads to the end. */
static int64_t
await_byte (int fd)
{
  char bytes[256];
  int64_t when = 0;

  while (read (fd, bytes, sizeof bytes) > 0)
    when = when == 0 ? now () : when;
  if (when == 0)
    die ("the first process wrote nothing");
  close (fd);
  return when;
}

static int64_t
time_byte (char **words)
{
  int pipe[2];
  int64_t begin, end;
  pid_t pid;

  open_pipe (pipe);
  begin = now ();
  pid = spawn (words, pipe[1]);
  close (pipe[1]);
  end = await_byte (pipe[0]);
  wait_for (pid, words[0]);
  return end - begin;
}

/* ---- The bus ---- */

static sd_bus *
bus (void)
{
  static sd_bus *connection;

  if (!connection) {
    check (sd_bus_open_system (&connection), "the system bus");
    check (sd_bus_set_method_call_timeout (connection, PATIENCE), "timeout");
  }
  return connection;
}

static sd_bus_message *
new_call (const char *path, const char *interface, const char *member)
{
  sd_bus_message *message = NULL;

  check (sd_bus_message_new_method_call (bus (), &message, SERVICE, path, interface, member), member);
  return message;
}

static sd_bus_message *
call (sd_bus_message *message)
{
  sd_bus_error error = SD_BUS_ERROR_NULL;
  sd_bus_message *answer = NULL;

  if (sd_bus_call (bus (), message, 0, &error, &answer) < 0)
    die ("%s: %s", sd_bus_message_get_member (message), error.message ? error.message : "it failed");
  sd_bus_message_unref (message);
  return answer;
}

static int64_t
time_start (const char *path)
{
  sd_bus_message *message = new_call (path, SERVICE ".Container", "Start");
  int pipe[2], null = open ("/dev/null", O_RDONLY | O_CLOEXEC);
  int64_t begin, answered, wrote;

  open_pipe (pipe);
  check (sd_bus_message_append (message, "a{sv}", 1, "stdio", "ah", 3, null, pipe[1], pipe[1]), "Start");
  close (null);
  close (pipe[1]);
  begin = now ();
  sd_bus_message_unref (call (message)); /* with our copies of the pipe's end */
  answered = now ();
  wrote = await_byte (pipe[0]);
  return (wrote > answered ? wrote : answered) - begin;
}

static void
append_arguments (sd_bus_message *message, const char *types, char **words)
{
  for (; *types; types++) {
    if (*types == 'v')
      check (sd_bus_message_append (message, "a{sv}", 0), "options");
    else if (*words)
      check (sd_bus_message_append_basic (message, *types, *words++), "an argument");
    else
      die ("an argument is missing");
  }
}

static int64_t
time_call (char **words, const char **ret_path)
{
  static sd_bus_message *answer;
  sd_bus_message *message = new_call (words[0], words[1], words[2]);
  int64_t begin, end;

  append_arguments (message, words[3], words + 4);
  sd_bus_message_unref (answer);
  begin = now ();
  answer = call (message);
  end = now ();
  if (strcmp (sd_bus_message_get_signature (answer, true), "o") == 0)
    check (sd_bus_message_read_basic (answer, 'o', ret_path), words[2]);
  return end - begin;
}

static void
print_property (char **words)
{
  sd_bus_error error = SD_BUS_ERROR_NULL;
  char *value = NULL;

  if (sd_bus_get_property_string (bus (), SERVICE, words[0], words[1], words[2], &error, &value) < 0)
    printf ("(%s)\n", error.name ? error.name : "it failed");
  else
    printf ("%s\n", value);
  free (value);
}

/* ---- Commands ---- */

static unsigned int
split (char *line, char **words)
{
  unsigned int n = 0;

  line[strcspn (line, "\n")] = '\0';
  for (char *word; n < MAX_WORDS && (word = strsep (&line, "\t"));)
    words[n++] = word;
  words[n] = NULL;
  return n;
}

static void
obey (char **words, unsigned int n)
{
  const char *path = NULL;
  int64_t time;

  if (n >= 2 && strcmp (words[0], "spawn") == 0)
    time = time_spawn (words + 1);
  else if (n >= 2 && strcmp (words[0], "byte") == 0)
    time = time_byte (words + 1);
  else if (n == 2 && strcmp (words[0], "start") == 0)
    time = time_start (words[1]);
  else if (n >= 5 && strcmp (words[0], "call") == 0)
    time = time_call (words + 1, &path);
  else if (n == 4 && strcmp (words[0], "get") == 0) {
    print_property (words + 1);
    return;
  } else
    die ("what is '%s'?", n > 0 ? words[0] : "");
  printf ("%lld%s%s\n", (long long)time, path ? " " : "", path ? path : "");
}

int
main (void)
{
  char *line = NULL, *words[MAX_WORDS + 1];
  size_t size = 0;

  while (getline (&line, &size, stdin) > 0) {
    obey (words, split (line, words));
    fflush (stdout);
  }
  free (line);
  return EXIT_SUCCESS;
}
