# SPDX-License-Identifier: LGPL-2.1-or-later
"""sbom: the bill of materials of our images, in both formats."""

import hashlib
import re
import shutil

import pytest

import archive
import trees
from archive import file, newc
from program import FAILED, USAGE, run

pytestmark = pytest.mark.leaks

MANIFEST = "usr/lib/preroot/manifest"
FORMATS = ["--spdx", "--cyclonedx"]
PURL = "pkg:deb/debian/linux-image@6.1.9-1%2Bb2?arch=amd64&distro=debian-12"


@pytest.fixture(scope="module")
def owned(small_kernel, tmp_path_factory):
    """An image whose modules belong to a package, one with a name that is not UTF-8."""
    top = tmp_path_factory.mktemp("owned")
    tree = small_kernel.copy(top / "root")
    trees.give_packages(tree)
    odd = top / "odd"
    odd.mkdir()
    (odd / "with blank").write_bytes(b"x")
    with open(bytes(odd) + b"/\xff\xfe", "wb") as out:
        out.write(b"y")
    image = top / "image"
    run("build", image, tree.version, "--root", tree.root, "--generic", "--include", odd, "/odd")
    return tree, image


def files_of(image):
    """The regular files of an image and their content, except those with escaped names."""
    listed = run("list", "--json", image).json["entries"]
    return {e["path"]: run("cat", image, e["path"]).out for e in listed
            if e["mode"].startswith("-") and "\\" not in e["path"]}


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_image_gives_the_same_bytes(name, owned, tmp_path):
    copy = tmp_path / "another name"
    shutil.copyfile(owned[1], copy)
    env = {"SOURCE_DATE_EPOCH": None}
    once = run("sbom", name, owned[1], env=env)
    assert run("sbom", copy, name, env=env).out == once.out
    assert str(owned[1]) not in once.text


def test_spdx(owned):
    tree, image = owned
    told = run("sbom", "--spdx", image, env={"SOURCE_DATE_EPOCH": None}).json
    manifest = run("cat", image, MANIFEST).out
    assert (told["spdxVersion"], told["dataLicense"]) == ("SPDX-2.3", "CC0-1.0")
    assert told["SPDXID"] == "SPDXRef-DOCUMENT"
    assert told["documentNamespace"].endswith("-" + hashlib.sha256(manifest).hexdigest())
    assert told["creationInfo"]["created"] == "1970-01-01T00:00:00Z"
    assert told["creationInfo"]["creators"][0].startswith("Tool: preroot-")
    ids = [x["SPDXID"] for x in told["packages"] + told["files"]]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", x) for x in ids)

    whole, package = told["packages"]
    assert whole["name"] == f"initramfs-{tree.version}" and whole["versionInfo"] == tree.version
    assert (package["name"], package["versionInfo"]) == ("linux-image", "6.1.9-1+b2")
    assert package["externalRefs"] == [{"referenceCategory": "PACKAGE-MANAGER",
                                        "referenceType": "purl", "referenceLocator": PURL}]
    assert not package["filesAnalyzed"] and "packageVerificationCode" not in package

    sums = {f["fileName"]: {c["algorithm"]: c["checksumValue"] for c in f["checksums"]}
            for f in told["files"]}
    for path, content in files_of(image).items():
        assert sums["./" + path] == {"SHA1": hashlib.sha1(content).hexdigest(),
                                     "SHA256": hashlib.sha256(content).hexdigest()}
    code = "".join(sorted(c["SHA1"] for c in sums.values()))
    assert whole["packageVerificationCode"]["packageVerificationCodeValue"] == hashlib.sha1(
        code.encode()).hexdigest()


def test_files_with_several_names(tree, tmp_path):
    """The image holds such files once."""
    for name in ("one", "two"):
        path = tree.root / "usr/lib/firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"the same" * 100)
    image = tmp_path / "image"
    run("build", image, tree.version, "--root", tree.root, "--generic",
        "--install", "/usr/lib/firmware/one /usr/lib/firmware/two")
    told = {f["fileName"]: f["checksums"] for f in run("sbom", "--spdx", image).json["files"]}
    sums = told["./usr/lib/firmware/one"], told["./usr/lib/firmware/two"]
    assert sums[0] == sums[1]
    assert sums[0][1]["checksumValue"] == hashlib.sha256(b"the same" * 100).hexdigest()
    listed = run("list", image).text
    assert any(line.split()[1] == "2" and line.startswith("-") for line in listed.splitlines()
               if "firmware/two" in line)
    assert run("diff", "--json", image, image).json["same"]


def test_spdx_relations(owned):
    told = run("sbom", "--spdx", owned[1]).json
    names = {f["SPDXID"]: f["fileName"] for f in told["files"]}
    known = set(names) | {p["SPDXID"] for p in told["packages"]} | {"SPDXRef-DOCUMENT"}
    relations = {(r["spdxElementId"], r["relationshipType"], r["relatedSpdxElement"])
                 for r in told["relationships"]}
    assert all(a in known and b in known for a, _, b in relations)
    assert ("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Image") in relations
    assert {b for a, kind, b in relations if kind == "CONTAINS"} == set(names)
    owned_files = {names[a] for a, kind, b in relations if kind == "GENERATED_FROM" and a in names}
    assert owned_files == {n for n in names.values() if ".ko" in n}


def test_spdx_has_the_fields_of_its_schema_and_no_others(owned):
    """The keys that the schema of version 2.3 requires and allows, as far as we write them."""
    told = run("sbom", "--spdx", owned[1]).json
    assert set(told) == {"spdxVersion", "dataLicense", "SPDXID", "name", "documentNamespace",
                         "creationInfo", "packages", "files", "relationships"}
    common = {"SPDXID", "name", "versionInfo", "downloadLocation", "filesAnalyzed",
              "licenseConcluded", "copyrightText"}
    assert set(told["packages"][0]) == common | {"primaryPackagePurpose",
                                                 "packageVerificationCode"}
    assert set(told["packages"][1]) == common | {"externalRefs"}
    for entry in told["files"]:
        assert set(entry) == {"SPDXID", "fileName", "checksums", "comment", "licenseConcluded",
                              "copyrightText"}


def test_cyclonedx(owned):
    tree, image = owned
    told = run("sbom", "--cyclonedx", image, env={"SOURCE_DATE_EPOCH": None}).json
    assert (told["bomFormat"], told["specVersion"], told["version"]) == ("CycloneDX", "1.5", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}"
                        r"-[0-9a-f]{12}", told["serialNumber"])
    assert "timestamp" not in told["metadata"]
    assert told["metadata"]["component"]["version"] == tree.version
    package = told["components"][0]
    assert (package["type"], package["name"], package["purl"]) == ("library", "linux-image", PURL)
    assert package["components"] and all(".ko" in c["name"] for c in package["components"])
    assert told["dependencies"] == [{"ref": "image", "dependsOn": [package["bom-ref"]]}]
    files = package["components"] + told["components"][1:]
    sums = {f["name"]: f["hashes"] for f in files}
    for path, content in files_of(image).items():
        assert sums["/" + path] == [{"alg": "SHA-256",
                                     "content": hashlib.sha256(content).hexdigest()}]
    refs = [f["bom-ref"] for f in files] + [package["bom-ref"], "image"]
    assert len(refs) == len(set(refs))
    assert all(f["properties"][-1]["name"] == "preroot:reason" for f in files)


def test_odd_names(owned):
    names = {f["fileName"] for f in run("sbom", "--spdx", owned[1]).json["files"]}
    assert {"./odd/with blank", "./odd/\\xff\\xfe"} <= names
    run("sbom", "--cyclonedx", owned[1]).out.decode("utf-8")


@pytest.mark.parametrize("name", FORMATS)
def test_a_machine_without_packages(name, image):
    told = run("sbom", name, image).json
    assert "purl" not in str(told)


def test_the_date_is_that_of_source_date_epoch(image):
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    told = run("sbom", "--spdx", image, env=env).json
    assert told["creationInfo"]["created"] == "2023-11-14T22:13:20Z"
    told = run("sbom", "--cyclonedx", image, env=env).json
    assert told["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("date", ["", "x", "-1", "253402300800", "1.5"])
def test_a_date_that_is_none(date, image):
    result = run("sbom", "--spdx", image, env={"SOURCE_DATE_EPOCH": date}, status=USAGE)
    assert "SOURCE_DATE_EPOCH" in result.error and not result.out


@pytest.mark.parametrize("words", [[], ["--spdx", "--cyclonedx"], ["--json"]])
def test_wrong_usage(words, image):
    run("sbom", *words, image, status=USAGE)


def test_an_image_of_another_builder(tmp_path):
    path = tmp_path / "foreign.img"
    path.write_bytes(newc(file(b"init")))
    result = run("sbom", "--spdx", path, status=FAILED)
    assert "preroot did not make it" in result.error and not result.out


@pytest.mark.parametrize("changed", [b"init", b"etc/preroot/boot.conf"])
def test_a_file_that_is_not_what_the_manifest_says(changed, image, tmp_path):
    path = tmp_path / "changed.img"
    path.write_bytes(archive.padded(image.read_bytes()) + newc(file(changed, b"other")))
    result = run("sbom", "--spdx", path, status=FAILED)
    assert changed.decode() in result.error and "verify" in result.hint


def test_a_damaged_manifest(image, tmp_path):
    text = b"preroot-manifest 3\nnonsense\n"
    path = tmp_path / "changed.img"
    path.write_bytes(archive.padded(image.read_bytes()) + newc(
        file(MANIFEST.encode(), text + b"sha256\t" + hashlib.sha256(text).hexdigest().encode()
             + b"\n")))
    assert "manifest line 2" in run("sbom", "--spdx", path, status=FAILED).error
