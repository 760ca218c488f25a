/* Text for people: _() translates it, N_() only marks it for translation. The domain is bound once, by main(). */
#pragma once

#include <glib.h>

#define TCW_GETTEXT_DOMAIN "taskcluster-worker"

#define _(text) g_dgettext (TCW_GETTEXT_DOMAIN, (text))
#define N_(text) (text)
