import { describe, expect, it } from "vitest";
import { checkDockerfile } from "../../../src/render/check-dockerfile";
import { Failure } from "../../../src/support/errors";

const DIGEST = `sha256:${"0".repeat(64)}`;

/** Why a Dockerfile with these lines is refused, in a build context that has agent/run; undefined: it is not. */
function refusal(lines: string): Failure | undefined {
  const text = `FROM ghcr.io/blaxel-ai/sandbox@${DIGEST} AS sandbox-api\n\nFROM debian@${DIGEST}\n${lines}\nRUN true\n`;
  try {
    checkDockerfile(text, [{ name: "agent/run", mode: 0o755, contents: Buffer.alloc(0) }], "debian");
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
  return undefined;
}

describe("a Dockerfile", () => {
  it.each([
    ["FROM node:22 AS x", "FROM node:22", "[images.node]"],
    [
      "FROM ${MIRROR}docker.io/library/node:22",
      "FROM",
      '[images.node] with image = "docker.io/library/node:22"',
    ],
    ["FROM ${BASE}", "FROM ${BASE}", 'image = "docker.io/library/NAME:TAG"'],
    ["FROM --platform=linux/amd64 node@sha256:12", "FROM node@sha256:12", "[images.node]"],
    [
      "COPY --from=docker.io/library/golang:1 /usr/local/go /usr/local/go",
      "COPY --from= docker.io/library/golang:1",
      "[images.golang]",
    ],
    [
      "copy --chown=1:1 --from=busybox \\\n  # why\n  /bin/busybox /b",
      "COPY --from= busybox",
      "[images.busybox]",
    ],
    ["RUN --mount=type=bind,from=alpine,target=/a true", "from= alpine", "[images.alpine]"],
    ["ADD https://example.com/a.tgz /a", "ADD https://example.com/a.tgz", "[downloads."],
    ["ADD https://github.com/x/y.git#main /a", "ADD https://github.com/x/y.git#main", "[downloads."],
  ])("with %s is refused: it is not pinned", (line, says, hint) => {
    const found = refusal(line);
    expect([found?.code, found?.kind]).toEqual(["SOURCE_NOT_PINNED", "usage"]);
    expect(found?.message).toContain(`dockerfiles/debian: Dockerfile, line 4: `);
    expect(found?.message).toContain(says);
    expect(found?.hint).toContain(hint);
  });

  it.each([
    [`COPY --from=\${MIRROR}node:22@${DIGEST} /a /b`, "COPY --from= ${MIRROR}node:22@"],
    [`RUN --mount=type=bind,from=\${MIRROR}node:22@${DIGEST},target=/a true`, "from= ${MIRROR}node:22@"],
  ])("with %s is refused: builders replace no variable there", (line, says) => {
    const { message, hint } = refusal(line) ?? {};
    expect(message).toContain(says);
    expect(message).toContain("has a variable");
    expect(hint).toContain('[images.node] with image = "node:22"');
    expect(hint).toContain("node, which FROM ${MIRROR}{{images.node.reference}} AS node names before");
  });

  it.each([
    "FROM scratch AS empty",
    "COPY agent/../agent/./run /x",
    `FROM node:22@${DIGEST} AS node`,
    "FROM sandbox-api AS again\nCOPY --from=0 /sandbox-api /x\nCOPY --from=SANDBOX-API /sandbox-api /y",
    `ADD --checksum=${DIGEST} https://example.com/a.tgz /a`,
    "RUN <<EOF\nFROM nowhere\nEOF",
    "COPY <<get.sql <<put-all /x/\nFROM users\nget.sql\nFROM users\nput-all",
    `COPY "agent/run" '/x'\nCOPY --from="sandbox-api" /sandbox-api /y`,
    "RUN echo \\\n# COPY --from=comment x y\n  done",
  ])("with %s is taken", (lines) => {
    expect(refusal(lines)).toBeUndefined();
  });

  it.each([
    ["COPY src /src", /there is no src in the build context/u, /files\/src/u],
    ["COPY ../src /src", /there is no ..\/src/u, /files\/src, /u],
    ["COPY files/agent /src", /there is no files\/agent/u, /write COPY agent/u],
    ['COPY ["files/", "/src"]', /there is no files/u, /write COPY \./u],
  ])("%s that copies what is not there is refused", (line, says, hint) => {
    const found = refusal(line);
    expect(found?.code).toBe("TEMPLATE_INVALID");
    expect(found?.message).toMatch(says);
    expect(found?.hint).toMatch(hint);
  });
});
