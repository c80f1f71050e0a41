/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <adwaita.h>

#include "../client.h"

G_BEGIN_DECLS

/* What Bothy needs of this computer, and what to do where that is missing. */

#define APP_TYPE_DOCTOR_PAGE (app_doctor_page_get_type ())
G_DECLARE_FINAL_TYPE (AppDoctorPage, app_doctor_page, APP, DOCTOR_PAGE, AdwNavigationPage)

/** app_doctor_page_new: Returns: (floating): a page that looks at once */
AdwNavigationPage *app_doctor_page_new (AppClient *client);

G_END_DECLS
