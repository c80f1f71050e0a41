/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The directories that what is kept lies in, and the lock that makes them one bothyd's. */
typedef struct {
  int lock_fd;       /* RUNTIME/lock, locked */
  int sockets_fd;    /* RUNTIME/supervisors: where supervisors listen for the next bothyd */
  int attaching_fd;  /* RUNTIME/attaching: nics by hand that are being made */
  int boot_fd;       /* RUNTIME/boot: what is known of this boot of the machine */
  int state_fd;      /* STATE */
  int containers_fd; /* STATE/containers, and so on: each is its noun's */
  int images_fd;
  int layers_fd;
  int ranges_fd;
  int trash_fd;
  int remotes_fd;
  int bridges_fd;
  int accounts_fd;
  int uppers_fd;
  int volumes_fd;
  int ceilings_fd;
} BothyState;

/* Open the directories, or make those that are missing, and take the lock. (transfer full); NULL with an error: another
   bothyd is at work, or a directory is not root's alone. */
BothyState *bothy_state_new (GError **error);

/* Let another bothyd have the state, just before this process ends: its end may have to wait for a file of a user's. */
void bothy_state_release_lock (BothyState *self);

/* Close everything, and let go of the lock. */
void bothy_state_free (BothyState *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyState, bothy_state_free)

G_END_DECLS
