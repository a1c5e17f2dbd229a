// The console's script: one file for all pages. Pages are whole without it; it brings the live parts.

import "htmx.org/dist/htmx.esm.js";
import "./clock";
import "./ticking";
import "./live";
import "./selection";
import "./keys";
import "./map";
import "./gantt";
import "./plot";
import "./alarms";
