import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dockerWithBuildKit, type Mirrors } from "./by-hand";
import { longRuns, round, sideBySide, timed, type Row } from "./measure";

interface Inspected {
  readonly Size: number;
  readonly RootFS: { readonly Layers: readonly string[] };
}

function inspect(image: string): Inspected {
  return (
    JSON.parse(execFileSync("docker", ["inspect", image], { encoding: "utf8" })) as Inspected[]
  )[0] as Inspected;
}

/** The Dockerfile that Mesa's Blaxel guide shows, with the pinned .deb in the place of the install script (which cannot be had here), and a RUN per step. */
function guide(base: string, api: string, deb: string): string {
  return `FROM ${api} AS api
FROM ${base}
RUN apt-get update
RUN apt-get install -y curl fuse3 ca-certificates
RUN curl -fsSL -o /tmp/mesa.deb ${deb}
RUN apt-get install -y /tmp/mesa.deb
COPY --from=api /sandbox-api /usr/local/bin/sandbox-api
ENTRYPOINT ["/usr/local/bin/sandbox-api"]
`;
}

export function rows(mirrors: Mirrors): readonly Row[] {
  const root = mkdtempSync(join(tmpdir(), "mesa-template-bench-"));
  try {
    cpSync("templates", join(root, "templates"), { recursive: true });
    const base = `${mirrors.images}docker.io/library/debian:bookworm-slim`;
    execFileSync("docker", ["pull", "-q", base], { stdio: "ignore" });
    timed(process.execPath, [
      "dist/mesa-template.js",
      "lock",
      "0.20.0",
      "--root",
      root,
      "--template",
      "debian",
    ]);
    mkdirSync(join(root, "guide"));
    writeFileSync(
      join(root, "guide/Dockerfile"),
      guide(
        base,
        `${mirrors.images}ghcr.io/blaxel-ai/sandbox:0.2.50`,
        `${mirrors.packages}/mesa-dot-dev/debian-public/any/pool/any/main/m/mesa/mesa_0.20.0_amd64.deb`,
      ),
    );
    const { docker, buildKit } = dockerWithBuildKit();
    const [ourMs, theirMs] = sideBySide(
      longRuns(),
      [
        () =>
          timed(process.execPath, [
            "dist/mesa-template.js",
            "build",
            "0.20.0",
            "--force",
            "--root",
            root,
            "--template",
            "debian",
          ]),
        () =>
          timed(
            docker,
            ["build", "-q", "--no-cache", "-t", "mesa-template-bench/guide", join(root, "guide")],
            {
              ...process.env,
              DOCKER_BUILDKIT: buildKit ? "1" : "0",
            },
          ),
      ],
      0,
    ) as [number, number];
    const ours =
      execFileSync("docker", ["images", "--format", "{{.Repository}}:{{.Tag}}", "mesa-template/debian"], {
        encoding: "utf8",
      }).split("\n")[0] ?? "";
    const [baseImage, ourImage, theirImage] = [
      inspect(base),
      inspect(ours),
      inspect("mesa-template-bench/guide"),
    ];
    const over = (image: Inspected): number => round((image.Size - baseImage.Size) / 1_000_000);
    const layers = (image: Inspected): number => image.RootFS.Layers.length - baseImage.RootFS.Layers.length;
    execFileSync("docker", ["rmi", "-f", "mesa-template-bench/guide"], { stdio: "ignore" });
    return [
      {
        name: "image: MB over base",
        ours: over(ourImage),
        theirs: over(theirImage),
        ratio: round(over(theirImage) / over(ourImage)),
        goal: "fewer than the guide's",
        met: over(ourImage) < over(theirImage),
      },
      {
        name: "image: layers over base",
        ours: layers(ourImage),
        theirs: layers(theirImage),
        ratio: null,
        goal: "≤ 4",
        met: layers(ourImage) <= 4,
      },
      {
        name: "image: build without cache",
        ours: round(ourMs),
        theirs: round(theirMs),
        ratio: round(theirMs / ourMs),
        goal: "no slower than the guide's",
        met: ourMs <= theirMs,
        note: "both without cache; ours locks, renders, scans and measures the image too",
      },
    ];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}
