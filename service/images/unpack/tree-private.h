/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "tree.h"

struct tree_directory {
  char *path;
  struct tree_attributes attributes;
};

/* Splits PATH; returns the name, with the directory it belongs into as TREE->parent. NULL: failed. */
const char *tree_enter_parent (struct tree *tree, const char *path);

/* Takes away NAME, at PATH, that a new entry is to replace. False: the job failed. */
bool tree_clear_place (struct tree *tree, const char *path, const char *name);

/* A directory that hides what the whiteout NAME hid. 0, or -1 with errno. */
int tree_replace_whiteout (struct tree *tree, int directory, const char *name);
