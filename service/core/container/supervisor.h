/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "runtime/protocol.h"

G_BEGIN_DECLS

/*
 * The broker's end of one container's bothy-supervisor.
 *
 * Signals: "hello", "exited" and "exec-exited" (const struct supervisor_message *; its
 * text follows it and ends with a NUL), "closed" (): the supervisor is gone, and with it
 * the container.
 */
#define BOTHY_TYPE_SUPERVISOR (bothy_supervisor_get_type ())
G_DECLARE_FINAL_TYPE (BothySupervisor, bothy_supervisor, BOTHY, SUPERVISOR, GObject)

/* Talk over SOCKET with the supervisor of a container of OWNER's (a uid), who answers for the files that it sends. */
BothySupervisor *bothy_supervisor_new (GSocket *socket, guint32 owner);

/* Append STRING, with its NUL, to the TEXT of a message. */
void bothy_supervisor_add_text (GByteArray *text, const char *string);

/* Append each of STRINGS (NULL-terminated, or NULL: none). RET_N: how many there are. */
void bothy_supervisor_add_texts (GByteArray *text, const char *const *strings, guint32 *ret_n);

/* Send MESSAGE (type and what the type needs) with TEXT and FDS (or NULL). */
void bothy_supervisor_call (BothySupervisor *self,
                            struct supervisor_message message,
                            GByteArray *text,
                            GUnixFDList *fds,
                            GAsyncReadyCallback callback,
                            gpointer user_data);

/* FALSE with BOTHY_ERROR when the supervisor could not. RET_REPLY may be NULL; it is filled in too when the supervisor said no. */
gboolean bothy_supervisor_call_finish (BothySupervisor *self,
                                       GAsyncResult *result,
                                       struct supervisor_message *ret_reply,
                                       GError **error);

/* What has to come with an answer. */
typedef enum {
  BOTHY_SUPERVISOR_TERMINAL,
  BOTHY_SUPERVISOR_NAMESPACE,
  BOTHY_SUPERVISOR_ROOT, /* opened with O_PATH */
} BothySupervisorFd;

/* The same for an answer with just one fd, of KIND, which is then the caller's; closing it waits for nobody. -1 with an error
   also when something else came. */
int bothy_supervisor_call_finish_fd (BothySupervisor *self,
                                     GAsyncResult *result,
                                     BothySupervisorFd kind,
                                     struct supervisor_message *ret_reply,
                                     GError **error);

/* Let go of the connection; a supervisor that was never told to start ends then. */
void bothy_supervisor_close (BothySupervisor *self);

G_END_DECLS
