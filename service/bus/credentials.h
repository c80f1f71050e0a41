/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "bus/call.h"
#include "core/remotes/credentials.h"

G_BEGIN_DECLS

/* The option "credentials" of a call, a{sh} or NULL. FALSE: it is not as it has to be. */
gboolean bothy_credentials_from_option (BothyCall *call,
                                        GVariant *option,
                                        BothyCredentials **ret_credentials,
                                        GError **error);

G_END_DECLS
