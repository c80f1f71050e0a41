/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "../client.h"

G_BEGIN_DECLS

/*
 * The caller's containers as results of a search. A result is called "shell:PATH", which opens a shell in the container at
 * PATH, or "start:PATH", which only starts it, and is there for those that stand still.
 */

/** app_search_find: Returns: (transfer full): the results for all of @terms, each a beginning of a word of a container's name, image or description; those that run first, then by name */
GStrv app_search_find (GListModel *containers, const char *const *terms);

/** app_search_describe: Returns: (transfer full) (nullable): what is shown of the result @id, an a{sv} as org.gnome.Shell.SearchProvider2 has it, floating; NULL if its container is gone */
GVariant *app_search_describe (AppClient *client, const char *id);

/** app_search_parse: Returns: (transfer none) (nullable): the path that the result @id is about, if it is one; @starts: (out): whether it only starts it */
const char *app_search_parse (const char *id, gboolean *starts);

G_END_DECLS
