/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gio.h>
#include <gio/gunixfdlist.h>

#include "helper/protocol.h"

G_BEGIN_DECLS

/* The broker's end of bothy-helper, which takes the steps that need a capability. */
#define BOTHY_TYPE_HELPER_CLIENT (bothy_helper_client_get_type ())
G_DECLARE_FINAL_TYPE (BothyHelperClient, bothy_helper_client, BOTHY, HELPER_CLIENT, GObject)

/* The helper of the socket unit, connected to when it is first needed, and again when it left. */
BothyHelperClient *bothy_helper_client_new (void);

/* Run the helper as a child, for a machine without systemd. Call it before the process
   gives up its capabilities. NULL on error. */
BothyHelperClient *bothy_helper_client_new_child (GError **error);

/* How a control group is found that USER's programs which parse are born in. CALLBACK gets a GTask of an int, an fd that is
   then its own; or an error. */
typedef void (*BothyHelperGroupFor) (gpointer data,
                                     guint32 user,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/* GROUP_FOR (DATA), both of which the caller keeps, says so from now on; NULL: they are born in bothy-parse.service's. */
void
bothy_helper_client_set_group_for (BothyHelperClient *self, BothyHelperGroupFor group_for, gpointer data);

/* Ask for it. USER 0 is the machine, whose parsers are in their service's own. */
void bothy_helper_client_find_group (BothyHelperClient *self,
                                     guint32 user,
                                     GAsyncReadyCallback callback,
                                     gpointer user_data);

/* FALSE with an error. RET_FD, which is the caller's, is -1 for the service's own. */
gboolean bothy_helper_client_find_group_finish (GAsyncResult *result, int *ret_fd, GError **error);

/* Take the step of REQUEST with FDS (or NULL); both are copied. Fails with BOTHY_ERROR. */
void bothy_helper_client_call (BothyHelperClient *self,
                               const struct helper_request *request,
                               GUnixFDList *fds,
                               GAsyncReadyCallback callback,
                               gpointer user_data);

/* The reply's fds (never NULL when it worked); RET_NUMBER (or NULL): the pid of a spawned program, or a watch. */
GUnixFDList *bothy_helper_client_call_finish (BothyHelperClient *self,
                                              GAsyncResult *result,
                                              int *ret_number,
                                              GError **error);

/* The same for HELPER_QUOTA: what the project takes, each of them or NULL. FALSE with an error; G_IO_ERROR_NOT_SUPPORTED: the
   file system keeps no quotas of projects. */
gboolean bothy_helper_client_quota_finish (
    BothyHelperClient *self, GAsyncResult *result, guint64 *ret_bytes, guint64 *ret_inodes, GError **error);

/* An fd list of N fds, which stay the caller's. NULL on error: no fd is free. */
GUnixFDList *bothy_fd_list (const int *fds, guint n, GError **error);

G_END_DECLS
