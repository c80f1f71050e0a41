/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <glib/gi18n.h>

/* What every verb knows: how to reach the service, and what the person wants to see. */

#define BOTHY_NAME      "org.bothy.Bothy1"
#define BOTHY_ROOT      "/org/bothy/Bothy1"
#define IFACE_MANAGER   "org.bothy.Bothy1.Manager"
#define IFACE_CONTAINER "org.bothy.Bothy1.Container"
#define IFACE_IMAGE     "org.bothy.Bothy1.Image"
#define IFACE_BRIDGE    "org.bothy.Bothy1.Bridge"
#define IFACE_OPERATION "org.bothy.Bothy1.Operation"
#define IFACE_PROCESS   "org.bothy.Bothy1.Process"

#define IFACE_PROPERTIES     "org.freedesktop.DBus.Properties"
#define IFACE_OBJECT_MANAGER "org.freedesktop.DBus.ObjectManager"

/* Exit codes; those of exec and run are the ones that docker has. */
enum {
  CLI_EXIT_OK = 0,
  CLI_EXIT_FAILED = 1,
  CLI_EXIT_USAGE = 2,
  CLI_EXIT_OWN = 125,
  CLI_EXIT_NOT_EXECUTABLE = 126,
  CLI_EXIT_NOT_FOUND = 127,
};

typedef struct Cli Cli;

typedef struct {
  const char *name;     /* one word, or two as in "image list" */
  const char *synopsis; /* what follows the options */
  const char *help;     /* one line, translated when it is shown */
  const char *examples; /* lines, shown as they are */
  int (*run) (Cli *cli, char **words);
} CliVerb;

struct Cli {
  GDBusConnection *bus;
  char *service;  /* unique name of the service that answered last */
  gboolean asked; /* the person was asked for a password already: messages may say so again */
  const CliVerb *verb;
  char **argv; /* as it was given to the program, for ssh */

  gboolean json;
  gboolean quiet;
  gboolean wide; /* tables as wide as they are, whatever the terminal */
  char *output;  /* what a verb that lists was asked to show, by -o */
  gboolean no_ask_password;
  char *host;
};

/* How the words of a verb are split into options, words and a command. */
typedef enum {
  CLI_PARSE_WORDS,      /* no command */
  CLI_PARSE_TAIL,       /* the command follows "--" */
  CLI_PARSE_FIRST_WORD, /* the command follows the first word; options on both sides of that word */
  CLI_PARSE_STRICT,     /* the command follows the first word, at once */
} CliParse;

/**
 * cli_global_options:
 *
 * Returns: (transfer full): the options that every verb takes, before or after its name
 */
GOptionGroup *cli_global_options (Cli *cli);

/**
 * cli_parse:
 * @entries: (nullable): the verb's own options
 * @words: what follows the verb
 * @ret_words: (out): the words that are not options
 * @ret_command: (out) (optional): the command; empty when there is none
 *
 * Words and values of options are checked to be UTF-8, which D-Bus wants, but for what goes to a program inside: the
 * command, --env, --cwd and --entrypoint. Options that take text are of the type FILENAME, so that GOption leaves it
 * alone: as STRING it would be refused in the C locale.
 *
 * Returns: FALSE when a usage error was reported; the verb returns CLI_EXIT_USAGE
 */
gboolean cli_parse (Cli *cli,
                    const GOptionEntry *entries,
                    CliParse how,
                    char **words,
                    char ***ret_words,
                    char ***ret_command);

/**
 * cli_usage:
 * @format: what is wrong with the command line
 *
 * Reports it, and where help is.
 *
 * Returns: CLI_EXIT_USAGE
 */
int cli_usage (Cli *cli, const char *format, ...) G_GNUC_PRINTF (2, 3);

/**
 * cli_connect:
 *
 * Connects to the system bus; with -H does not return, because bothy of the other machine takes over.
 */
gboolean cli_connect (Cli *cli, GError **error);

/**
 * cli_allow_asking:
 *
 * From now on calls say that the person may be asked for a password, and there is somebody to ask; unless
 * --no-ask-password. For what concerns other users: the service does not say that it exists before it asked.
 */
void cli_allow_asking (Cli *cli);

/**
 * cli_call:
 * @path: an object of the service
 * @interface: its interface, one of ours or of org.freedesktop.DBus
 * @parameters: (nullable): a tuple; floating references are taken
 * @fds: (nullable): those that @parameters mentions
 * @ret_fds: (out) (optional): those that the answer mentions
 *
 * Calls a method and waits for the answer as long as it takes. If the call is refused because somebody has to
 * authenticate, asks for it (unless --no-ask-password) and calls again: so that whoever needs no
 * authentication, which is the rule, does not wait for an agent to start.
 *
 * Returns: (transfer full) (nullable): the answer, of the type that dbus/ says
 */
GVariant *cli_call (Cli *cli,
                    const char *path,
                    const char *interface,
                    const char *method,
                    GVariant *parameters,
                    GUnixFDList *fds,
                    GUnixFDList **ret_fds,
                    GError **error);

/**
 * cli_call_fd:
 *
 * Calls a method whose answer is a file descriptor, or begins with one.
 *
 * Returns: the descriptor, which is the caller's, or -1
 */
int cli_call_fd (Cli *cli,
                 const char *path,
                 const char *interface,
                 const char *method,
                 GVariant *parameters,
                 GError **error);

/**
 * cli_get_all:
 *
 * Returns: (transfer full) (nullable): a{sv}, all properties of the object's interface
 */
GVariant *cli_get_all (Cli *cli, const char *path, const char *interface, GError **error);

/**
 * cli_get_managed:
 *
 * Returns: (transfer full) (nullable): a{oa{sa{sv}}}, all objects that the caller may see
 */
GVariant *cli_get_managed (Cli *cli, GError **error);

/**
 * cli_find_container:
 * @name: NAME or USER/NAME
 *
 * Returns: (transfer full) (nullable): the path of its object
 */
char *cli_find_container (Cli *cli, const char *name, GError **error);

/**
 * cli_find_files:
 * @word: NAME, USER/NAME, NAME/SNAPSHOT or USER/NAME/SNAPSHOT
 * @snapshot: (inout): the snapshot, unless one was named already
 *
 * Returns: (transfer full) (nullable): the path of the container's object
 */
char *cli_find_files (Cli *cli, const char *word, char **snapshot, GError **error);

/**
 * cli_find_image:
 * @name: an alias, or (the beginning of) a fingerprint
 *
 * Returns: (transfer full) (nullable): the path of its object
 */
char *cli_find_image (Cli *cli, const char *name, GError **error);

/**
 * cli_subscribe:
 * @path: (nullable): one object, or NULL for all
 *
 * Subscribes to a signal of the service that answered last, and of nobody else: anybody may send signals to
 * us. The service addresses its signals to us, so that the bus needs no match rule.
 *
 * Returns: what g_dbus_connection_signal_unsubscribe() takes
 */
guint cli_subscribe (Cli *cli,
                     const char *path,
                     const char *interface,
                     const char *member,
                     GDBusSignalCallback callback,
                     gpointer data);

typedef gboolean (*CliEach) (Cli *cli, const char *name, const char *path, gpointer data, GError **error);

/**
 * cli_each_container:
 * @names: containers
 * @each: what is done with each
 *
 * Goes on after an error, which it reports.
 *
 * Returns: the exit code
 */
int cli_each_container (Cli *cli, char **names, CliEach each, gpointer data);

typedef gboolean (*CliEachWord) (Cli *cli, const char *word, GError **error);

/**
 * cli_each_word:
 * @usage: what is said when there is none, not translated yet
 * @each: what is done with each
 *
 * A whole verb that takes words and no options. Goes on after an error, which it reports.
 *
 * Returns: the exit code
 */
int cli_each_word (Cli *cli, char **words, const char *usage, CliEachWord each);

/** cli_option_add: adds a text to an a{sv} of options, unless @value is NULL */
void cli_option_add (GVariantBuilder *options, const char *key, const char *value);

/**
 * cli_own_containers:
 * @states: (nullable): only those in one of these states
 *
 * Returns: (transfer full) (nullable): names of the caller's own containers
 */
char **cli_own_containers (Cli *cli, const char *const *states, GError **error);

/**
 * cli_name_ok:
 *
 * Returns: whether @name is what a container can be called, without the USER/ before it
 */
gboolean cli_name_ok (const char *name);
