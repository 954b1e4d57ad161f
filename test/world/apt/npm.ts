import { createHash } from "node:crypto";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";

/** The version that the registry names as the newest. */
const CLAUDE_VERSION = "2.1.332";

/**
 * A stand-in for Claude Code: `claude -p PROMPT` wants a credential, reads the TODO.md that the prompt names, and writes what it did into
 * the working folder, as the real one would with its edits.
 */
const PROGRAM = `#!/bin/sh
case "$1" in
  --version) echo "${CLAUDE_VERSION} (Claude Code)"; exit 0 ;;
  -p) ;;
  *) echo "Usage: claude [options] [prompt]"; exit 1 ;;
esac
if [ -z "$ANTHROPIC_API_KEY" ]; then echo "Not logged in · Please run /login"; exit 1; fi
grep -q acceptEdits /etc/claude-code/managed-settings.json || { echo "I need permission to edit files."; exit 0; }
{ echo "# Implemented"; cat TODO.md; } > IMPLEMENTED.md || exit 1
echo "I implemented what TODO.md describes."
`;

/** The package as the npm registry serves it. The same bytes every time. */
async function tarball(): Promise<Buffer> {
  const tar = pack();
  const always = { mtime: new Date(499_162_500_000), uid: 0, gid: 0 };
  tar.entry({ name: "package/claude", mode: 0o755, ...always }, PROGRAM);
  tar.entry({ name: "package/package.json", mode: 0o644, ...always }, `{"version":"${CLAUDE_VERSION}"}\n`);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar as AsyncIterable<Buffer>) chunks.push(chunk);
  return gzipSync(Buffer.concat(chunks));
}

/** What the npm registry of the world answers for a path below its host; undefined for what it does not have. */
export async function npmAnswer(path: string): Promise<Buffer | undefined> {
  const name = "/@anthropic-ai/claude-code-linux-x64";
  const bytes = await tarball();
  if (path === `${name}/-/claude-code-linux-x64-${CLAUDE_VERSION}.tgz`) return bytes;
  if (path !== `${name}/latest`) return undefined;
  const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
  return Buffer.from(JSON.stringify({ version: CLAUDE_VERSION, dist: { integrity } }));
}
