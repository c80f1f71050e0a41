/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/container.h"

G_BEGIN_DECLS

/* Nobody's but the service's own, which ask containers whether they are well, have ids from here on. */
#define BOTHY_PROCESS_FIRST_CHECK 0x80000000U

/* What to run, and how. */
typedef struct {
  char **argv;
  char **environment;
  char *user;
  char *working_directory;
  gboolean tty;
  guint16 rows, columns; /* of the terminal, 0: not known */
  gboolean login;        /* argv[0] "" is the user's login shell */
  GUnixFDList *stdio;    /* three, or NULL */
} BothyProcessSpec;

/* NULL is not allowed. */
void bothy_process_spec_free (BothyProcessSpec *spec);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyProcessSpec, bothy_process_spec_free)

/*
 * A program that was put into a running container.
 *
 * Signals: "exited" (): ended, code and signal are set.
 */
#define BOTHY_TYPE_PROCESS (bothy_process_get_type ())
G_DECLARE_FINAL_TYPE (BothyProcess, bothy_process, BOTHY, PROCESS, GObject)

struct _BothyProcess {
  GObject parent;
  guint32 id;   /* of the supervisor's and of the object's path */
  guint32 user; /* uid of who asked for it */
  guint32 pid;
  char **argv;
  char *run_as; /* who it runs as, as it was asked for */
  BothyContainer *container;
  gboolean tty; /* it was asked for with a terminal of its own */
  int pty_fd;   /* -1: it has no terminal, or an earlier bothyd gave it away */
  int pts;      /* N of pts/N */
  gboolean ended;
  int code, signal;
};

/* Run SPEC (taken over) in CONTAINER, for USER. ID is not used by another process. */
void bothy_process_run (BothyContainer *container,
                        guint32 id,
                        guint32 user,
                        BothyProcessSpec *spec,
                        GAsyncReadyCallback callback,
                        gpointer user_data);
BothyProcess *bothy_process_run_finish (GAsyncResult *result, GError **error);

/* Send it a signal. */
void bothy_process_kill (BothyProcess *self, int signal, GAsyncReadyCallback callback, gpointer user_data);
gboolean bothy_process_kill_finish (BothyProcess *self, GAsyncResult *result, GError **error);

/* Kill it and what is in its process group; nobody waits for that. */
void bothy_process_end (BothyProcess *self);

/* A process that ran before this broker did; ID and PID are from the supervisor's hello. */
BothyProcess *bothy_process_new_adopted (BothyContainer *container, guint32 id, guint32 user, guint32 pid);

G_END_DECLS
