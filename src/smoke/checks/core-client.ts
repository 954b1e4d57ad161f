import type { SandboxInstance } from "@blaxel/core";
import { blaxelCoreUnsigned } from "../../blaxel/core";
import type { Subject } from "../check";

/** @blaxel/core pointed at a subject's API. With forceUrl it needs no account and calls no control plane. */
export async function blaxelProcess(subject: Subject): Promise<SandboxInstance> {
  const { SandboxInstance: Instance } = await blaxelCoreUnsigned();
  return new Instance({
    metadata: { name: "smoke" },
    spec: {},
    forceUrl: subject.api.url,
    headers: { ...subject.api.headers },
  });
}
