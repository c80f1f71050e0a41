/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/container/runner-private.h"

/* Of HELPER_NETNS's reply. */
enum { BOTHY_START_USERNS, BOTHY_START_NETNS, BOTHY_START_N_NAMESPACES };

/* A start that is under way. */
typedef struct {
  BothyRunner *runner;
  BothyContainer *container;
  GTask *task;
  GUnixFDList *stdio;
  int listen_fd;
  int their_fd; /* the supervisor's end of its first connection */
  BothySupervisor *supervisor;
  GUnixFDList *layers;
  guint n_lower;           /* layers of the image; one more is the container's own */
  GUnixFDList *namespaces; /* the user's and the network's */
  GTask *join;
  BothyCgroup *group;
  GError *error;
  guint timer;
  guint pending;
  gboolean spawn_sent, spawned, prepare_sent, networked, settled, start_sent;
} BothyStart;

/* ---- start.c ---- */

/* It went wrong: ERROR, which is taken over, says how, unless something did before. */
void bothy_start_fail (BothyStart *start, GError *error);

/* It went well, as REPLY to SUPERVISOR_START says; START is gone after that. */
void bothy_start_succeed (BothyStart *start, const struct supervisor_message *reply);

/* Send what has become possible; START may be gone after that. */
void bothy_start_advance (BothyStart *start);

/* ---- premises.c ---- */

void bothy_start_request_namespaces (BothyStart *start);
void bothy_start_request_group (BothyStart *start);

/* There are namespaces and a group: let the supervisor be born there. */
void bothy_start_spawn (BothyStart *start);

/* Append the fd that is number INDEX of FROM to LIST, unless there is an ERROR already. */
void bothy_start_pass_on (GUnixFDList *list, GUnixFDList *from, int index, GError **error);

/* ---- orders.c ---- */

void bothy_start_send_prepare (BothyStart *start);
void bothy_start_send_start (BothyStart *start);
