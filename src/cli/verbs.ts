import type { Command } from 'commander';
import type { Cli } from './cli.js';

/** A verb of the command, with its module loaded only when it is the one that runs. */
export interface Verb {
  /** The words that name it: `connection put`. */
  path: readonly [string] | readonly [string, string];
  summary: string;
  load(): Promise<(command: Command, cli: Cli) => void>;
}

/** What a word that names several verbs is about. */
export const GROUPS: Readonly<Record<string, string>> = {
  connection: 'Register connections and look at them.',
  keys: 'Make sealing keys, look at them, and move records to new ones.',
};

/** Every verb (contract §6), in the order of the help. */
export const VERBS: readonly Verb[] = [
  {
    path: ['worker'],
    summary: 'Run a token worker until SIGTERM.',
    load: async () => (await import('./worker.js')).defineWorker,
  },
  {
    path: ['connection', 'put'],
    summary: 'Register a connection, or change it; safe to repeat.',
    load: async () => (await import('./connection-put.js')).defineConnectionPut,
  },
  {
    path: ['connection', 'authorize'],
    summary: 'Ask a person for the consent that a connection needs.',
    load: async () => (await import('./connection-authorize.js')).defineConnectionAuthorize,
  },
  {
    path: ['connection', 'link'],
    summary: "Make a link to a connection's connect page, for its person.",
    load: async () => (await import('./connection-link.js')).defineConnectionLink,
  },
  {
    path: ['connection', 'list'],
    summary: 'List connections with the state of their tokens.',
    load: async () => (await import('./connection-list.js')).defineConnectionList,
  },
  {
    path: ['connection', 'show'],
    summary: 'Show a connection as its file, without secrets.',
    load: async () => (await import('./connection-show.js')).defineConnectionShow,
  },
  {
    path: ['connection', 'remove'],
    summary: 'Revoke the tokens of a connection and remove it; safe to repeat.',
    load: async () => (await import('./connection-remove.js')).defineConnectionRemove,
  },
  {
    path: ['connect'],
    summary: 'Serve the connect page until SIGTERM.',
    load: async () => (await import('./connect.js')).defineConnect,
  },
  {
    path: ['token'],
    summary: 'Make sure that a valid token is stored; prints no secret.',
    load: async () => (await import('./token.js')).defineToken,
  },
  {
    path: ['refresh'],
    summary: 'Have a new token issued now.',
    load: async () => (await import('./refresh.js')).defineRefresh,
  },
  {
    path: ['revoke'],
    summary: "Have the authorization server revoke a connection's tokens.",
    load: async () => (await import('./revoke.js')).defineRevoke,
  },
  {
    path: ['call'],
    summary: "Call an API with the connection's token.",
    load: async () => (await import('./call.js')).defineCall,
  },
  {
    path: ['status'],
    summary: "Show where a connection's token stands.",
    load: async () => (await import('./status.js')).defineStatus,
  },
  {
    path: ['keys', 'generate'],
    summary: 'Add a key of each purpose to a key file.',
    load: async () => (await import('./keys-generate.js')).defineKeysGenerate,
  },
  {
    path: ['keys', 'export'],
    summary: 'Write the key file for applications: it opens access tokens only.',
    load: async () => (await import('./keys-export.js')).defineKeysExport,
  },
  {
    path: ['keys', 'rotate'],
    summary: 'Seal every record with the active keys, while everything runs.',
    load: async () => (await import('./keys-rotate.js')).defineKeysRotate,
  },
  {
    path: ['keys', 'list'],
    summary: 'List the keys, and how many records each still holds.',
    load: async () => (await import('./keys-list.js')).defineKeysList,
  },
  {
    path: ['doctor'],
    summary: 'Check everything a deployment needs, and say what to do.',
    load: async () => (await import('./doctor.js')).defineDoctor,
  },
];
