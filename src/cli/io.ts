/** Where a command writes. */
export interface TextSink {
  write(text: string): unknown;
}

/** Everything a command touches of its process, so that tests can run one inside theirs. */
export interface CliIo {
  /** Without the interpreter and the script. */
  argv: readonly string[];
  env: NodeJS.ProcessEnv;
  stdin: AsyncIterable<Buffer | string>;
  stdout: TextSink;
  stderr: TextSink;
}

/** Everything on standard input, as text. */
export async function readAll(stdin: CliIo['stdin']): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}
