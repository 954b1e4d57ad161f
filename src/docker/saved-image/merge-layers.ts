import type { HeldFile, LayerEntry } from "./read-layer";

interface Node extends Pick<LayerEntry, "held"> {
  readonly children: Map<string, Node>;
}

/** A folder that no layer names, with the values that engines use (Moby's and containers/storage's implied directories). */
const IMPLIED: Node["held"] = { kind: "directory", mode: 0o755, uid: 0, gid: 0, sizeBytes: 0, content: "" };

/** Names of the OCI image specification (layer.md, Whiteouts); other names with the second prefix are aufs bookkeeping. */
const WHITEOUT = ".wh.";
const META = ".wh..wh.";
const OPAQUE = ".wh..wh..opq";

/** Merges layers, the lowest first, as an engine does for a container. Returns the files by path, sorted. */
export function mergeLayers(layers: readonly (readonly LayerEntry[])[]): ReadonlyMap<string, HeldFile> {
  const root: Node = { held: IMPLIED, children: new Map() };
  for (const layer of layers) {
    // Whiteouts hide lower layers, never entries of the same layer, whatever their order.
    for (const { path } of layer) hide(root, path);
    for (const entry of layer) add(root, entry);
  }
  const files = filesBelow(root, "").sort((a, b) => (a.path < b.path ? -1 : 1));
  return new Map(files.map((file) => [file.path, file]));
}

function split(path: string): { readonly folder: readonly string[]; readonly name: string } {
  const folder = path.split("/").slice(1);
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
  const held = heldBy(root, entry);
  // A folder over a folder keeps its content; everything else replaces what was there.
  const before = siblings.get(name);
  const stays = held.kind === "directory" && before?.held.kind === "directory";
  siblings.set(name, { held, children: stays ? before.children : new Map<string, Node>() });
}

function folderIn(parent: Node, name: string): Node {
  const there = parent.children.get(name);
  if (there?.held.kind === "directory") return there;
  const made: Node = { held: IMPLIED, children: new Map() };
  parent.children.set(name, made);
  return made;
}

/** What a container has for an entry; a hard link's bytes are stored under its first name. */
function heldBy(root: Node, { held, firstName }: LayerEntry): Node["held"] {
  const first = firstName === undefined ? undefined : find(root, firstName.split("/").slice(1));
  if (first === undefined) return held;
  const { kind, mode, uid, gid } = held;
  return { ...first.held, kind, mode, uid, gid };
}

function filesBelow(node: Node, at: string): HeldFile[] {
  return [...node.children].flatMap(([name, child]) => {
    const path = `${at}/${name}`;
    return [{ path, ...child.held }, ...filesBelow(child, path)];
  });
}
