/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"

G_BEGIN_DECLS

/* Who may call a method. */
typedef enum {
  BOTHY_RULE_NOBODY,  /* what a forgotten rule means */
  BOTHY_RULE_ANYBODY, /* it gives each caller his own only */
  BOTHY_RULE_ACTION,  /* whom polkit authorizes for the row's action */
  BOTHY_RULE_OWNER,   /* who sees the object anyway; else whom polkit authorizes for the row's action */
  BOTHY_RULE_VIEWER,  /* anybody, and with the row's action authorized he gets others' things too */
} BothyRule;

/*
 * One row for each method: default deny, since what has no row is not dispatched. A
 * test compares the rows with dbus/ and polkit/.
 */
struct _BothyRow {
  const char *interface;
  const char *member;
  BothyRule rule;
  const char *action;
  /* Check the arguments and tell polkit about them; nothing else happens before it agreed. */
  gboolean (*prepare) (BothyCall *call, GError **error);
  void (*handle) (BothyCall *call);
  /* Asked for as well when prepare said that the call goes beyond what the owner may by himself; or NULL. */
  const char *exceeding;
  /* Find out, which may take its time, whether WEIGHING has to be authorized as well; it ends with
     bothy_door_weighed(), or with an error for the caller. Or NULL. */
  void (*weigh) (BothyCall *call);
  const char *weighing;
};

/* The whole table, ended by a row without interface. */
const BothyRow *bothy_door_get_rows (void);

/* Take CALL through the door: find its row, ask, and run its handler, or reply with an error. */
void bothy_door_enter (BothyCall *call);

/* CALL goes on: polkit is asked for the row's WEIGHING, or not. */
void bothy_door_weighed (BothyCall *call, gboolean ask);

/* Whether CLIENT may see others' containers now. Asks polkit, never the user. */
void bothy_door_ask_inspect (BothyClient *client,
                             void (*answer) (gboolean may, gpointer user_data),
                             gpointer user_data);

G_END_DECLS
