/** Does nothing. */
export async function emptyWorkflow() {}
