/**
 * What went wrong with the store, for {@link StoreError}. `conflict` arises in a transaction only:
 * another write came first.
 */
export type StoreErrorCode = 'unavailable' | 'key_unavailable' | 'unreadable' | 'conflict';

/**
 * A record could not be read, written or opened. The message is ours and holds no stored text; the
 * driver's error is not kept, because its message may quote a document.
 */
export class StoreError extends Error {
  override readonly name = 'StoreError';
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Runs one MongoDB operation and turns whatever the driver throws into a `StoreError`.
 *
 * @param what - the operation in our words, for the message
 * @throws StoreError `unavailable`
 */
export async function storeOperation<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof StoreError) throw error;
    const code = isTransactionConflict(error) ? 'conflict' : 'unavailable';
    throw new StoreError(code, `MongoDB could not ${what} (${describe(error)}).`);
  }
}

/** Whether another write was in the way of a transaction, which may simply be repeated. */
function isTransactionConflict(error: unknown): boolean {
  if (!(error instanceof Error) || !('errorLabels' in error)) return false;
  return (
    Array.isArray(error.errorLabels) && error.errorLabels.includes('TransientTransactionError')
  );
}

/** The driver's error class and code name, which never quote a document. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown error';
  const codeName = 'codeName' in error && typeof error.codeName === 'string' ? error.codeName : '';
  const name = /^[A-Za-z0-9_]{1,64}$/.test(error.name) ? error.name : 'Error';
  return /^[A-Za-z0-9_]{1,64}$/.test(codeName) ? `${name}, ${codeName}` : name;
}
