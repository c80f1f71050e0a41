/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gio/gunixfdlist.h>

#include "core/adopt/plan.h"
#include "core/images/place.h"
#include "platform/helper-client.h"
#include "workers/unpack.h"

G_BEGIN_DECLS

/* Of what a container is made that another tool has. */
typedef struct {
  BothyAdoptKind kind;
  char *source; /* what the tool calls it; of a directory "" */
  char *name;   /* what it will be called */
  GUnixFDList *
      fds; /* its tree, and its configuration if there is one, as USER opened them; NULL: it is root's, by its name */
  guint32 user;  /* who brings it */
  guint32 owner; /* whose the container will be */
  gboolean
      in_place; /* its files stay where they are, and only what is written comes to lie elsewhere: of root's alone */
  gboolean
      trusted; /* root brings it, or it is root's and an administrator said yes: its files may have any ids */
} BothyAdoptSource;

/* SELF may not be NULL. */
void bothy_adopt_source_free (BothyAdoptSource *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAdoptSource, bothy_adopt_source_free)

/* A copy; the fds are shared. (transfer full) */
BothyAdoptSource *bothy_adopt_source_copy (const BothyAdoptSource *self);

/* What was found there. */
typedef struct {
  BothyAdoptPlan *plan;
  GUnixFDList *mounts;     /* its tree, as it can be read by root of the neutral range, is the first */
  BothyUnpacked *unpacked; /* how much it is, and what for a system */
  GHashTable *counts;      /* what lines of UNPACK_SURVEY say: key → number as text */
  char **foreign;          /* the first paths of files with ids that are none inside */
  char *others; /* of one in place: which of its ids are not root's alone, a sentence; NULL: none */
} BothyAdoptSurvey;

/* SELF may not be NULL. */
void bothy_adopt_survey_free (BothyAdoptSurvey *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyAdoptSurvey, bothy_adopt_survey_free)

/* Whether all of it can be carried over: FALSE with NOT_YOURS, which names the first files that have ids of others'. */
gboolean bothy_adopt_survey_check (const BothyAdoptSurvey *self, GError **error);

/* The same for one that is to stay where it is: nobody but root can have the ids of its files, or FALSE with NOT_YOURS. */
gboolean bothy_adopt_survey_check_in_place (const BothyAdoptSurvey *self, GError **error);

/* Where the tree of SOURCE is, whose map is SELF's. (transfer full) */
BothyPlace *bothy_adopt_survey_get_place (const BothyAdoptSurvey *self, const BothyAdoptSource *source);

/* What it says of KEY ("setuid", "devices" and so on), or 0. */
guint64 bothy_adopt_survey_count (const BothyAdoptSurvey *self, const char *key);

/* Look at SOURCE, which stays as it is. CANCELLABLE may be NULL. */
void bothy_adopt_look (BothyHelperClient *helper,
                       const BothyAdoptSource *source,
                       GCancellable *cancellable,
                       GAsyncReadyCallback callback,
                       gpointer user_data);

/* (transfer full); NULL with NO_SUCH_CONTAINER, INVALID_ARGS (of its configuration nothing can be made), WRONG_STATE (it runs),
   NOT_YOURS, BAD_ARCHIVE (it is no root file system), MOUNT_FAILED and others. */
BothyAdoptSurvey *bothy_adopt_look_finish (GAsyncResult *result, GError **error);

G_END_DECLS
