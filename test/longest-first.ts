import { BaseSequencer, type TestSpecification } from "vitest/node";

/** The end-to-end tests that take longest. What starts last should be short, so that all workers end at about the same time. */
const LONGEST = [
  "deploy-recovers",
  "sandbox-library",
  "sandbox",
  "resume",
  "upgrade",
  "sandbox-credentials",
  "smoke",
  "containerd-store",
  "release",
  "publish",
  "evidence",
  "deploy-faults",
  "stand-ins/mesa",
  "sandbox-command",
  "pipeline",
  "podman",
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
