"""`make httpx2` runs the suite with this plugin: httpx2, the successor of httpx, stands in for it in each process."""

import httpx2

httpx2.alias_httpx()
