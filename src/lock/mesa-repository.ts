import type { Repository } from "../apt/index";
import type { Upstream } from "./upstream";

/** Mesa's package repository as apt knows one. */
export function mesaRepository({ mesa, mirrors }: Upstream): Repository {
  return {
    url: mesa.repository,
    suite: mesa.suite,
    component: mesa.component,
    package: mesa.package,
    mirror: mirrors.packages,
  };
}
