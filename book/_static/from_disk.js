// From disk a browser lets no script read another page: the search lists what it finds, without
// the excerpts that it would take from there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
