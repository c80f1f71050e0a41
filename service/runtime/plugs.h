/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "fault.h"

#include <sys/types.h>

#define PLUGS_MAX 64 /* nodes of one container at once */

/* A device that is put into /dev. */
struct plug {
  const char *name; /* below /dev; its directories are made */
  const char *user; /* whose it is; see user_lookup() */
  const char *link; /* what else it is called in /dev, or "" */
  mode_t mode;
};

/* The devices of the owner's that are there. */
struct plug_table {
  struct {
    char *name; /* NULL: this place is free */
    char *link;
  } slots[PLUGS_MAX];
};

/*
 * Attaches the detached mount NODE, a device's node of our own, as PLUG in /dev of the tree ROOT, and gives it to PLUG's
 * user. What the container has put there is its own affair: no link is followed. Over what is there already, unless that is a
 * link or a directory. Takes NODE over.
 * Faults: STEP_DEVICE (EEXIST: one of that name is plugged in; EISDIR, ELOOP, ENOTDIR: something else is in its place), STEP_USER
 * (as user_lookup() returns), STEP_REQUEST (EMFILE: there are too many).
 */
struct fault plugs_attach (struct plug_table *table, int root, const struct plug *plug, int node);

/* Takes the device NAME out of /dev of ROOT again, and its link; "": all of them. Who has it open keeps that. What is gone
   already is no fault. This process's working directory is / afterwards. */
struct fault plugs_detach (struct plug_table *table, int root, const char *name);
