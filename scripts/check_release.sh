#!/usr/bin/env bash
# Install a release into an environment of its own, as docs/install.md says, and try it away from the checkout.
# check_release.sh FOLDER PYTHON TORCH_VERSION [TORCH_INDEX]; FOLDER holds one wheel and one source archive.
set -euo pipefail
folder=$(cd "$1" && pwd) python=$2 torch=$3 index=${4:-}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT

tar -xzf "$folder"/*.tar.gz -C "$place"
source=$(echo "$place"/skeletor_slt-*)
"$python" -m venv "$place/venv"
pip() { "$place/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip ${index:+--index-url "$index"} "torch==$torch"
pip --no-deps -r "$source/requirements.txt"
pip --no-deps "$folder"/*.whl

cd "$place"
export PATH="$place/venv/bin:$PATH"
unset PYTHONPATH
version=$(basename "$source")
[ "$(slt --version)" = "slt ${version#skeletor_slt-}" ]
skeletor --version
slt doctor
python -c 'import slt, skeletor; slt.load, skeletor.refine'
sample=$source/examples/forecast.mp4
if [ -e "$sample" ]; then
    slt translate "$sample"
else
    echo "no examples/forecast.mp4 in the release: slt translate was not tried" >&2
fi
echo "${folder##*/}: $(slt --version) can be installed and runs"
