import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The end-to-end tests that take longest. What starts last should be short, so that all workers end at about the same time. */
const LONGEST = [
  "deploy-recovers",
  "deploy-faults",
  "resume",
  "sandbox",
  "deploy-push",
  "sandbox-library",
  "smoke",
  "upgrade",
  "sandbox-credentials",
  "sandbox-failures",
  "stand-ins/bl",
  "sandbox-command",
  "release",
  "publish",
  "checks-file",
  "stand-ins/mesa",
  "readme",
  "evidence",
  "plain-image",
  "containerd-store",
  "remote-engine",
  "pipeline",
  "podman-rootless",
].map((name) => `/${name}.test.ts`);

/** End-to-end tests come first, the longest of them first of all. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId, project }: TestSpecification): number => {
      if (project.name !== "e2e") return LONGEST.length + 1;
      const found = LONGEST.findIndex((name) => moduleId.endsWith(name));
      return found < 0 ? LONGEST.length : found;
    };
    return (await super.sort(files)).sort((one, other) => place(one) - place(other));
  }
}
