import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const ROOT = fileURLToPath(new URL('../', import.meta.url));

/** One import, re-export or dynamic import of a file. */
export interface Import {
  /** Path of the imported file under the repository, or the package's name. */
  target: string;
  specifier: string;
  relative: boolean;
  /** Erased when compiled: `import type`. `import { type X }` is not. */
  typeOnly: boolean;
  /** `await import(…)`: loaded when it is needed. */
  lazy: boolean;
}

/** A source file, read as TypeScript reads it. */
export interface SourceFile {
  /** Path under the repository, such as `src/store/keys.ts`. */
  path: string;
  text: string;
  lines: number;
  imports: Import[];
  tree: ts.SourceFile;
}

/** Every source file under `src/`, with what it imports. */
export function readSources(): SourceFile[] {
  const names = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const paths = names.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`);
  paths.sort();
  return paths.map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const imports = importsOf(tree).map((found) => ({
      ...found,
      relative: found.specifier.startsWith('.'),
      target: targetOf(path, found.specifier),
    }));
    return { path, text, lines: text.trimEnd().split('\n').length, imports, tree };
  });
}

/** Every node of a file. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node;
  for (const child of node.getChildren()) yield* nodesOf(child);
}

function targetOf(from: string, specifier: string): string {
  if (specifier.startsWith('.')) {
    return normalize(join(dirname(from), specifier)).replace(/\.js$/, '.ts');
  }
  if (specifier.startsWith('node:')) return 'node:';
  return specifier.startsWith('@')
    ? specifier.split('/', 2).join('/')
    : (specifier.split('/', 1)[0] ?? specifier);
}

function importsOf(tree: ts.SourceFile): Omit<Import, 'target' | 'relative'>[] {
  const found: Omit<Import, 'target' | 'relative'>[] = [];
  for (const node of nodesOf(tree)) {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      found.push({ specifier: node.moduleSpecifier.text, typeOnly, lazy: false });
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      if (!ts.isStringLiteral(node.moduleSpecifier)) continue;
      const { isTypeOnly: typeOnly } = node;
      found.push({ specifier: node.moduleSpecifier.text, typeOnly, lazy: false });
    } else if (ts.isImportTypeNode(node)) {
      const { argument } = node;
      if (ts.isLiteralTypeNode(argument) && ts.isStringLiteral(argument.literal)) {
        found.push({ specifier: argument.literal.text, typeOnly: true, lazy: false });
      }
    } else if (
      ts.isCallExpression(node) &&
      node.expression.kind === ts.SyntaxKind.ImportKeyword &&
      node.arguments[0] !== undefined &&
      ts.isStringLiteral(node.arguments[0])
    ) {
      found.push({ specifier: node.arguments[0].text, typeOnly: false, lazy: true });
    }
  }
  return found;
}
