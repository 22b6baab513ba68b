#!/bin/sh
# Write a phantom study and send it to the PACS and to the node, as a scanner with two destinations does.
set -eu
mvi-node phantom /tmp/phantom --seed "${MVI_PHANTOM_SEED:-1}"
for destination in "ORTHANC orthanc 4242" "MVINODE node 11112"; do
  # shellcheck disable=SC2086 # three words are meant
  set -- $destination
  python -m pynetdicom storescu --calling-aet SCANNER --called-aet "$1" --recurse "$2" "$3" /tmp/phantom/dicom
done
echo "sent; open http://localhost:3000, and in a minute or two the segmentation and the report are there"
