import type { LayerEntry } from "./read-layer";

/** One path of an image's file system as a container sees it. */
export interface HeldFile {
  /** Absolute. */
  readonly path: string;
  readonly kind: "file" | "directory" | "symlink" | "other";
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** First 16 hex digits of a file's sha256; a symbolic link's target; otherwise "". */
  readonly content: string;
}

/** The merged file system of all layers. */
export interface MergedLayers {
  /** Sorted by path. */
  readonly files: readonly HeldFile[];
  /** Texts of the files that are kept, by path without leading slash. */
  readonly texts: ReadonlyMap<string, string>;
}

interface Node {
  readonly held: Omit<HeldFile, "path">;
  readonly text?: string | undefined;
  readonly children: Map<string, Node>;
}

/** A folder that no layer names, with the values that engines use (Moby's and containers/storage's implied directories). */
const IMPLIED: Node["held"] = { kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0, content: "" };

/** Names of the OCI image specification (layer.md, Whiteouts); other names with the second prefix are aufs bookkeeping. */
const WHITEOUT = ".wh.";
const META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

const kindOf = (type: LayerEntry["type"]): HeldFile["kind"] => (type === "link" ? "file" : type);

/** Merges layers, the lowest first, as an engine does for a container. */
export function mergeLayers(layers: readonly (readonly LayerEntry[])[]): MergedLayers {
  const root: Node = { held: IMPLIED, children: new Map() };
  for (const layer of layers) {
    // Whiteouts hide lower layers, never entries of the same layer, whatever their order.
    for (const { path } of layer) hide(root, path);
    for (const entry of layer) add(root, entry);
  }
  const files: HeldFile[] = [];
  const texts = new Map<string, string>();
  collect(root, "", files, texts);
  return { files: files.sort((a, b) => (a.path < b.path ? -1 : 1)), texts };
}

function split(path: string): { readonly folder: readonly string[]; readonly name: string } {
  const folder = path.split("/");
  const name = folder.pop() ?? "";
  return { folder, name };
}

function find(root: Node, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const name of path) node = node?.children.get(name);
  return node;
}

function hide(root: Node, path: string): void {
  if (!path.includes(WHITEOUT)) return;
  const { folder, name } = split(path);
  if (!name.startsWith(WHITEOUT)) return;
  const siblings = find(root, folder)?.children;
  if (name === OPAQUE) siblings?.clear();
  else siblings?.delete(name.slice(WHITEOUT.length));
}

function add(root: Node, entry: LayerEntry): void {
  const { folder, name } = split(entry.path);
  if (name === "" || name.startsWith(WHITEOUT) || folder.some((part) => part.startsWith(META))) return;
  const { children: siblings } = folder.reduce((node, part) => folderIn(node, part), root);
  const { held, text } = heldBy(root, entry);
  // A folder over a folder keeps its content; everything else replaces what was there.
  const before = siblings.get(name);
  const stays = held.kind === "directory" && before?.held.kind === "directory";
  siblings.set(name, { held, text, children: stays ? before.children : new Map<string, Node>() });
}

function folderIn(parent: Node, name: string): Node {
  const there = parent.children.get(name);
  if (there?.held.kind === "directory") return there;
  const made: Node = { held: IMPLIED, children: new Map() };
  parent.children.set(name, made);
  return made;
}

function heldBy(root: Node, entry: LayerEntry): Pick<Node, "held" | "text"> {
  const { type, mode, uid, gid, size, linkname, hash, text } = entry;
  const own = { kind: kindOf(type), mode, uid, gid };
  // A hard link's bytes are stored under its first name.
  const first = type === "link" ? find(root, linkname.split("/").filter(isName)) : undefined;
  if (first !== undefined) return { held: { ...first.held, ...own }, text: first.text };
  if (type === "symlink") return { held: { ...own, sizeBytes: 0, content: linkname } };
  return { held: { ...own, sizeBytes: type === "file" ? size : 0, content: hash }, text };
}

function isName(part: string): boolean {
  return part !== "" && part !== ".";
}

function collect(node: Node, at: string, files: HeldFile[], texts: Map<string, string>): void {
  for (const [name, child] of node.children) {
    const path = `${at}/${name}`;
    files.push({ path, ...child.held });
    if (child.text !== undefined) texts.set(path.slice(1), child.text);
    collect(child, path, files, texts);
  }
}
