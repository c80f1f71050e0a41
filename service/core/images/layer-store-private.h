/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "core/images/layer-store.h"

struct _BothyLayerStore {
  GObject parent;
  int dirfd;
  const BothyConfiguration *configuration;
  BothyHelperClient *helper;
  BothyTrash *trash;
  GHashTable *layers; /* id → BothyLayer */
};
