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
  /* What the arguments become; NULL: the method takes none. */
  const BothyRequestType *request;
  /* Whether the request makes sense here and now; tell polkit about it. Nothing else happens before polkit
     agreed. Or NULL. */
  gboolean (*check) (BothyCall *call, GError **error);
  void (*handle) (BothyCall *call);
  /* Asked for as well when check said that the call goes beyond what the owner may by himself; or NULL. */
  const char *exceeding;
  /* Find out, which may take its time, whether WEIGHING has to be authorized as well; it ends with
     bothy_call_weighed(), or with an error for the caller. Or NULL. */
  void (*weigh) (BothyCall *call);
  const char *weighing;
  /* It changes nothing and lets nobody in, so nobody is told who called it; as a method does whose action is
     to inspect. What is forgotten here is told. */
  gboolean reads;
  /* Asked for as well, with the details call->also, when check made these; or NULL. */
  const char *also;
};

/* The whole table, which is static and ended by a row without interface. */
const BothyRow *bothy_door_get_rows (void);

G_END_DECLS
