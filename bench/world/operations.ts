import { MongoClient, type CommandStartedEvent } from 'mongodb';

/** One command that a process sent to MongoDB. */
export interface Operation {
  command: string;
  collection: string;
  /** A write that a majority has to acknowledge. */
  majorityWrite: boolean;
}

/** A client whose commands are written down. */
export interface CountingClient {
  mongodb: MongoClient;
  /** What was sent since the last call. */
  take(): Operation[];
}

/** Commands of the driver itself. */
const OWN = new Set(['hello', 'ismaster', 'ping', 'endSessions', 'saslStart', 'saslContinue']);
const WRITES = new Set(['insert', 'update', 'delete', 'findAndModify', 'commitTransaction']);

/** Makes a client that counts. */
export function createCountingClient(uri: string): CountingClient {
  const mongodb = new MongoClient(uri, { monitorCommands: true });
  let operations: Operation[] = [];
  mongodb.on('commandStarted', ({ commandName, command }: CommandStartedEvent) => {
    if (OWN.has(commandName)) return;
    const collection: unknown = command[commandName];
    const concern = command['writeConcern'] as { w?: unknown } | undefined;
    operations.push({
      command: commandName,
      collection: typeof collection === 'string' ? collection : '',
      majorityWrite: WRITES.has(commandName) && concern?.w === 'majority',
    });
  });
  return {
    mongodb,
    take() {
      const taken = operations;
      operations = [];
      return taken;
    },
  };
}
