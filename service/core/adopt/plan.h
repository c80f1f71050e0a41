/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/adopt/map.h"
#include "core/container/container.h"

G_BEGIN_DECLS

/* Which tool made a container. */
typedef enum {
  BOTHY_ADOPT_DIRECTORY, /* a tree alone */
  BOTHY_ADOPT_LXC,
  BOTHY_ADOPT_NSPAWN,
  BOTHY_ADOPT_INCUS, /* or LXD */
} BothyAdoptKind;

/* "dir", "lxc", "nspawn", "incus"; static. */
const char *bothy_adopt_kind_name (BothyAdoptKind kind);

/* TEXT is one of these. FALSE with INVALID_ARGS. */
gboolean bothy_adopt_kind_parse (const char *text, BothyAdoptKind *ret_kind, GError **error);

typedef enum {
  BOTHY_ADOPT_DROPPED, /* it is not carried over */
  BOTHY_ADOPT_KEPT,    /* it is the same here */
  BOTHY_ADOPT_CHANGED, /* it becomes something else that does the same */
} BothyAdoptOutcome;

/* "kept", "changed", "dropped"; static. */
const char *bothy_adopt_outcome_name (BothyAdoptOutcome outcome);

/* What becomes of one line of the configuration. */
typedef struct {
  char *key;
  char *value;
  BothyAdoptOutcome outcome;
  char *text; /* what it becomes, or why it does not */
} BothyAdoptLine;

/* What a configuration says, and what it becomes. */
typedef struct {
  BothyAdoptKind kind;
  GPtrArray *lines;         /* BothyAdoptLine, in the order of the configuration */
  GHashTable *last;         /* key → value of the last line that has it; of LINES */
  BothyContainerSpec *spec; /* of the container; without an image. NULL once it was taken */
  BothyAdoptMap map;        /* of the tree; none if nothing is said */
  char *tree;               /* where it says that its tree is, a path, or NULL */
} BothyAdoptPlan;

/* The plan for a container that will be called NAME, with the lines of CONFIGURATION, of which nothing is made yet: see
   bothy_adopt_read_configuration(). (transfer full) */
BothyAdoptPlan *bothy_adopt_plan_new (BothyAdoptKind kind, const char *name, const char *configuration);

/* SELF may not be NULL. */
void bothy_adopt_plan_free (BothyAdoptPlan *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAdoptPlan, bothy_adopt_plan_free)

/* The value that the configuration has for KEY, the last of them; NULL: none. (transfer none) */
const char *bothy_adopt_plan_find (const BothyAdoptPlan *self, const char *key);

/* One more line, about something that no configuration says. TEXT is taken over. */
void bothy_adopt_plan_add (
    BothyAdoptPlan *self, const char *key, const char *value, BothyAdoptOutcome outcome, char *text);

/* TEXT as a message names it: UTF-8 of up to 200 bytes, or a little more where some of it is none. (transfer full) */
char *bothy_adopt_shorten (const char *text);

/* As the bus has the lines: a(ssss), of key, value, outcome and text. (transfer floating) */
GVariant *bothy_adopt_plan_to_variant (const BothyAdoptPlan *self);

G_END_DECLS
