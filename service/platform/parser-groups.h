/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "platform/cgroup-manager.h"

G_BEGIN_DECLS

/*
 * Where programs that parse what users bring are born: a control group for each user, beside those of his containers and within
 * what bounds all of these together, with bounds of its own. It is made when it is first needed, and goes some seconds after the last of his parsers has ended. So what his archives
 * take is his, and nobody's containers wait for it.
 */
typedef struct _BothyParserGroups BothyParserGroups;

/* Fills in what holds for all groups of USER's together, those of his containers and that of his parsers; DATA is whose
   function it is. */
typedef void (*BothyParserLimits) (guint32 user, BothyCgroupLimits *ret_limits, gpointer data);

/* Makes groups with MANAGER, and removes those that an earlier broker left where nobody else does. OF_USER is asked with DATA for
   each group. (transfer full) */
BothyParserGroups *
bothy_parser_groups_new (BothyCgroupManager *manager, BothyParserLimits of_user, gpointer data);

/* Lets go of all groups; parsers that are in one go on. */
void bothy_parser_groups_free (BothyParserGroups *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (BothyParserGroups, bothy_parser_groups_free)

/* Open USER's group, for one parser more. SELF is a BothyParserGroups, so that this is a BothyHelperGroupFor. CALLBACK gets a
   GTask of an int: the fd, which is then the caller's; or an error: START_FAILED, or what the manager says. */
void bothy_parser_groups_open (gpointer self, guint32 user, GAsyncReadyCallback callback, gpointer user_data);

G_END_DECLS
