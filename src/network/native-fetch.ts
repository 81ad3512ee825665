// undici makes its own agent the process's global dispatcher when it is imported and none is set yet,
// which on Node 20 is the case until the first use of fetch. Touching a fetch class first lets Node
// set its own, so that importing this package changes nothing for an application's fetch.
void globalThis.Response;
