/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>
#include <sys/types.h>

G_BEGIN_DECLS

/*
 * File descriptors that a user opened. The file may be on a file system that he serves himself
 * (FUSE), which can let whoever looks at it, or closes it, wait for ever: so nothing of that is
 * done in the main loop.
 */

/* Close FD, in a thread. -1 is none. A user whose files do not answer keeps only his own waiting. */
void bothy_untrusted_fd_close (int fd);

/*
 * Close FD, a copy of what SENDER sent, his unique name on the bus (NULL: nobody in particular), in the same way. Whose it
 * is to wait for is known once bothy_untrusted_fds_introduce() was called for him; until then it stays open if that is
 * EXPECTED to happen, or bothy_untrusted_fds_forget().
 */
void bothy_untrusted_fd_close_of (int fd, const char *sender, gboolean expected);

/* SENDER is USER; what is open of his is closed. */
void bothy_untrusted_fds_introduce (const char *sender, guint32 user);

/* SENDER has left the bus, or is nobody who may call; what is open of his is closed. */
void bothy_untrusted_fds_forget (const char *sender);

/* Whether USER may send more: FALSE with LIMITS_EXCEEDED when many of his wait to be closed. */
gboolean bothy_untrusted_fds_check (guint32 user, GError **error);

/* Whether files of SENDER, a unique name on the bus or NULL, may be taken in: not when many of his wait to be closed. RET_ASK:
   that it may be one of those whose files hang, and nobody knows yet who he is: find out, call bothy_untrusted_fds_note(),
   and ask again. */
gboolean bothy_untrusted_fds_may_send (const char *sender, gboolean *ret_ask);

/* SENDER, a unique name on the bus, is a connection of USER's, who may be anybody: what he sent is closed as that user's, also
   when he has left before he was introduced. */
void bothy_untrusted_fds_note (const char *sender, guint32 user);

/* LIST (or NULL), which stays the caller's, came from SENDER; as bothy_untrusted_fds_set_user(), if it is known who that is. */
void bothy_untrusted_fds_set_sender (GUnixFDList *list, const char *sender);

typedef void (*BothyUntrustedOverrun) (gpointer data);

/* FUNCTION is called with DATA, once and in the main loop, when so many of all users' wait to be closed that there will soon be
   no room for others; nothing but the end of the process helps. */
void bothy_untrusted_fds_set_overrun (BothyUntrustedOverrun function, gpointer data);

/* USER sent what is in LIST (NULL: nothing), which stays the caller's: closing that is his to wait for. */
void bothy_untrusted_fds_set_user (GUnixFDList *list, guint32 user);

/* A duplicate of FD, of the same user, which is the caller's. -1 with LIMITS_EXCEEDED: no more can be open. */
int bothy_untrusted_fd_dup (int fd, GError **error);

/* A list that closes what is in it like that. (transfer full) */
GUnixFDList *bothy_untrusted_fds_new (void);

/* Such a list of what is in LIST, which is taken over, of USER. (transfer full) Where no more can be open, it has fewer. */
GUnixFDList *bothy_untrusted_fds_take (GUnixFDList *list, guint32 user);

/* Whether all in LIST may be taken in from a program that runs for USER: not what may have to wait to be closed, when many
   of his wait already. */
gboolean bothy_untrusted_fds_may_take (GUnixFDList *list, guint32 user);

/* Whether FD is a network namespace; without asking. */
gboolean bothy_untrusted_fd_is_net_namespace (int fd);

/* Whether FD is a terminal, or the other end of one; without asking. */
gboolean bothy_untrusted_fd_is_terminal (int fd);

/* Append a duplicate of FD, of the same user, to LIST. Its index there; -1 with LIMITS_EXCEEDED: no more can be open. */
int bothy_untrusted_fds_append (GUnixFDList *list, int fd, GError **error);

/* Close all that is in LIST like that, and let go of it. */
void bothy_untrusted_fds_free (GUnixFDList *list);

/* What kind of file it is, and how large it was when it was last asked for: without asking. FALSE: errno says why. */
gboolean bothy_untrusted_fd_stat (int fd, mode_t *ret_mode, guint64 *ret_size);

/* Which file it is: what kind, on which device, and its number there; without asking. FALSE: errno says why. */
gboolean bothy_untrusted_fd_identify (int fd, mode_t *ret_mode, guint64 *ret_device, guint64 *ret_inode);

/* Whose file it is, as it was known when it was last asked for: without asking. FALSE: errno says why. */
gboolean bothy_untrusted_fd_owner (int fd, guint32 *ret_uid, guint32 *ret_gid);

/* Closes *FD in the way of bothy_untrusted_fd_close(), for the cleanup attribute. */
static inline void
bothy_untrusted_fd_clear (int *fd)
{
  bothy_untrusted_fd_close (*fd);
  *fd = -1;
}

G_END_DECLS
