"""The CustomResourceDefinition, made from the models."""
