"""What the compose stack, the Helm chart and a Citus cluster need beside the image."""
