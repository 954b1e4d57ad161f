export { mesaVersionOf } from "./debian-version";
export { fetchDeb, fetchListedDeb, type FetchedDeb } from "./fetch-deb";
export { mesaVersionsIn, packageFor, type ListedPackage } from "./packages-file";
export { fingerprintOf, parseKeys } from "./signature";
export {
  fetchBelow,
  fetchPackages,
  fetchRelease,
  headBelow,
  lastModified,
  peekPackages,
  type Repository,
} from "./repository";
