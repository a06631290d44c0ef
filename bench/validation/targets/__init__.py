"""Files that stand for a user's own: loaders and a script with planned costs. They import nothing of ours."""
